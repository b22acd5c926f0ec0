"""dbt's documentation as one page: it is complete, needs no network, and leaves the home as it was."""

import json
import re
from pathlib import Path

from orchestration.home import Home
from tests.conftest import run_cli


def test_one_page_with_everything_and_no_network(home_copy: Home) -> None:
    results = (home_copy.build / "target" / "run_results.json").read_bytes()
    done = run_cli(home_copy, "docs")
    assert done.returncode == 0, done.stderr
    page = home_copy.root / "dbt_docs" / "index.html"
    assert str(page) in done.stdout
    text = page.read_text(encoding="utf-8")
    for part in (
        "model.kyoten.branch_monthly",
        "拠点月次KPI",
        "パートナー営業のためのデータ倉庫",  # instead of dbt's own welcome
        "metric.kyoten.win_rate_t3m",
        "exposure.kyoten.branch_report",
    ):
        assert part in text, part
    recorded = json.loads((home_copy.published / "current" / "manifest.json").read_text(encoding="utf-8"))["tables"]
    (rows,) = re.findall(r'"model\.kyoten\.company_monthly": \{"metadata": .*?"value": (\d+)', text)
    assert int(rows) == recorded["kpi.company_monthly"]
    assert re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="?https?:', text) == []
    assert not (home_copy.build / "dbt_docs").exists()
    assert (home_copy.build / "target" / "run_results.json").read_bytes() == results


def test_nothing_built_yet(tmp_path: Path) -> None:
    done = run_cli(Home(tmp_path / "home"), "docs")
    assert done.returncode == 1
    assert "make refresh" in done.stderr and not (tmp_path / "home").exists()
