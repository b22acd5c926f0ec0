"""Data Docs: what the batch rules found for the latest batch of each dataset and source, as pages without a server.

The first page has each figure with its bounds. Great Expectations writes a page per dataset that missed one.
"""

import html
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from orchestration.home import Home, write_whole
from orchestration.lake.judged import JudgedBatch

STYLE = """<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem; color: #222; background: #fff; }
a { color: #0645ad; }
table { border-collapse: collapse; margin: .5rem 0; }
th, td { border-bottom: 1px solid #ccc; padding: .3rem .8rem; text-align: left; vertical-align: top; }
.row { display: flex; flex-wrap: wrap; gap: 0 3rem; } .row .row { display: block; }
.container-fluid > .row > :first-child { flex: 0 0 18rem; } .container-fluid > .row > :last-child { flex: 1; }
.card:has(.btn-group), .modal, [data-toggle=collapse], [id*=collapse-body] { display: none; }
summary { cursor: pointer; } ol, ul { list-style: none; padding: 0; } .breadcrumb { display: flex; gap: 1rem; }
.fa-check-circle::before { content: "met"; } .fa-times::before { content: "missed"; } i { font-style: normal; }
.text-success, .met { color: #17692b; } .text-danger, .held { color: #b00020; font-weight: 600; }
.accepted { color: #8a5a00; font-weight: 600; } td > a { white-space: nowrap; } .badge { font-weight: 600; }
</style>"""


def write_data_docs(batches: Sequence[JudgedBatch], home: Home) -> None:
    """Add these batches to the pages; the batches of datasets that this run did not load stay."""
    home.data_docs.mkdir(parents=True, exist_ok=True)
    for one in batches:
        shutil.rmtree(home.data_docs / "validations" / one.dataset, ignore_errors=True)
        (home.data_docs / "expectations" / f"{one.dataset}.html").unlink(missing_ok=True)
    if missed := [one for one in batches if one.missed]:
        from orchestration.lake.gx import write_pages  # costs 3 CPU seconds

        write_pages(missed, home.data_docs, STYLE)
    record = home.data_docs / "batches.json"
    latest: dict[str, Any] = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}
    latest |= {f"{one.group[1]}/{one.dataset}": _described(one) for one in batches}
    write_whole(record, json.dumps(latest, ensure_ascii=False))
    rows = sorted(latest.values(), key=lambda row: (STATUSES.index(row["status"]), row["name"]))
    write_whole(home.data_docs / "index.html", _first_page(rows, home.data_docs))


STATUSES = ("held", "accepted", "met")


def _described(one: JudgedBatch) -> dict[str, Any]:
    return {
        "name": one.name,
        "dataset": one.dataset,
        "status": "held" if one.is_held else "accepted" if one.missed else "met",
        "message": one.message,
        "figures": [
            (rule.figure, one.figures[rule.figure], rule.bounds, rule in one.missed)
            for rule in one.profiler.expectations
            if one.figures[rule.figure] is not None
        ],
    }


def _first_page(rows: list[dict[str, Any]], folder: Path) -> str:
    lines = []
    for row in rows:
        figures = "".join(
            f'<tr><td>{html.escape(figure)}</td><td class="{"held" if missed else "met"}">{value:.4g}</td>'
            f"<td>{html.escape(bounds)}</td></tr>"
            for figure, value, bounds, missed in row["figures"]
        )
        page = next((folder / "validations" / row["dataset"]).rglob("*.html"), None)
        link = f' <a href="{html.escape(page.relative_to(folder).as_posix())}">details</a>' if page else ""
        lines.append(
            f'<tr><td class="{row["status"]}">{row["status"]}</td><td>{html.escape(row["name"])}{link}</td>'
            f"<td>{html.escape(row['message'])}<details><summary>{len(row['figures'])} figures</summary><table>"
            f"<tr><th>Figure</th><th>Value</th><th>Expected</th></tr>{figures}</table></details></td></tr>"
        )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Batch rules</title>{STYLE}</head><body>'
        "<h1>Batch rules</h1><p>The latest batch of each dataset and source, with its figures.</p>"
        "<table><thead><tr><th>Expectations</th><th>Batch</th><th>Figures</th></tr></thead><tbody>"
        f"{''.join(lines)}</tbody></table></body></html>"
    )
