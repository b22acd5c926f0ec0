"""MetricFlow, asked for metrics by dimensions, says what the marts say."""

import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from orchestration.home import PROJECT, Home

Query = Callable[..., list[dict[str, str]]]


@pytest.fixture(scope="module")
def query(built_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Query:
    """Ask MetricFlow in a folder that looks like the project, of a copy of the working database."""
    project, home = tmp_path_factory.mktemp("project"), Home(tmp_path_factory.mktemp("copy"))
    for name in ("models", "macros", "seeds", "tests", "dbt_project.yml", "profiles.yml", ".dbtignore"):
        (project / name).symlink_to(PROJECT / name)
    (project / "target").mkdir()
    shutil.copy(built_home.build / "target" / "semantic_manifest.json", project / "target")
    home.database.parent.mkdir(parents=True)
    shutil.copy(built_home.database, home.database)
    settings = {
        "KYOTEN_HOME": str(home.root),
        "DBT_PROJECT_DIR": str(project),
        "DBT_PROFILES_DIR": str(project),
        "DBT_TARGET_PATH": str(project / "target"),
        "DBT_LOG_PATH": str(project),
        "DO_NOT_TRACK": "1",
    }

    def ask(*arguments: str) -> list[dict[str, str]]:
        answer = project / "answer.csv"
        done = subprocess.run(
            [Path(sys.executable).with_name("mf"), "query", *arguments, "--csv", answer],
            cwd=project,
            env=os.environ | settings,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        with answer.open(encoding="utf-8") as file:
            return list(csv.DictReader(file))

    return ask


def mart(home: Home, name: str) -> pl.DataFrame:
    table = pl.read_parquet(home.published / "parquet" / "kpi" / f"{name}.parquet")
    return table.with_columns(pl.col(pl.Decimal).cast(pl.Float64), pl.col("month").cast(pl.String))


def same(found: str, expected: float | None) -> bool:
    """Compare a cell; what nothing happened to is empty in one and 0 in the other."""
    return float(found or 0) == pytest.approx(expected or 0)


def test_company_by_month(built_home: Home, query: Query) -> None:
    rows = query("--saved-query", "company_results")
    expected = {row["month"]: row for row in mart(built_home, "company_monthly").iter_rows(named=True)}
    assert {row["metric_time__month"][:10] for row in rows} == expected.keys()
    for row in rows:
        month = expected[row["metric_time__month"][:10]]
        for metric in ("deals_new", "deals_won", "won_amount", "indirect_ratio", "sessions_held", "reps_contacted"):
            assert same(row[metric], month[metric]), (month["month"], metric)
        if month["win_rate"] is not None:  # too few deals are no rate in the marts
            assert same(row["win_rate"], month["win_rate"])


def test_branch_by_month(built_home: Home, query: Query) -> None:
    metrics = ("deals_new", "deals_qualified", "deals_lost", "deals_won", "won_amount")
    rows = query("--metrics", ",".join(metrics), "--group-by", "metric_time__month,branch")
    expected = {
        (row["branch_id"], row["month"]): row
        for row in mart(built_home, "branch_monthly").iter_rows(named=True)
        if any(row[metric] for metric in metrics)
    }
    found = {(row["branch"], row["metric_time__month"][:10]): row for row in rows}
    assert found.keys() >= expected.keys()
    for key, row in found.items():
        for metric in metrics:
            assert same(row[metric], expected.get(key, {}).get(metric)), (key, metric)


def test_channel_and_a_branch_attribute(built_home: Home, query: Query) -> None:
    rows = query("--metrics", "deals_won,won_amount", "--group-by", "won_month__channel,branch__is_sentinel")
    branches = pl.read_parquet(built_home.published / "parquet" / "core" / "dim_branch.parquet")
    expected = (
        mart(built_home, "branch_channel_monthly")
        .join(branches.select("branch_id", "is_sentinel"), on="branch_id")
        .group_by("channel", "is_sentinel")
        .agg(pl.col("deals_won").sum(), pl.col("won_amount").sum())
    )
    sums = {(row["channel"], str(row["is_sentinel"])): row for row in expected.iter_rows(named=True)}
    for row in rows:
        key = (row["won_month__channel"] or "none", row["branch__is_sentinel"].capitalize())
        assert same(row["deals_won"], sums[key]["deals_won"]), key
        assert same(row["won_amount"], sums[key]["won_amount"]), key
    assert len(rows) >= 4


def test_the_sales_force_by_month(built_home: Home, query: Query) -> None:
    metrics = ("headcount", "reps_known", "reps_contactable", "referrals", "reps_active", "reps_producing_t12m")
    rows = query("--metrics", ",".join(metrics), "--group-by", "metric_time__month")
    months = mart(built_home, "company_monthly")
    expected = {row["month"]: row for row in months.iter_rows(named=True)}
    # A window has months beyond the last one, in which the marts have no row.
    found = {row["metric_time__month"][:10]: row for row in rows if row["metric_time__month"][:10] in expected}
    assert found.keys() == expected.keys()
    for month, row in found.items():
        for metric in metrics:
            assert same(row[metric], expected[month][metric]), (month, metric)


def test_the_sales_force_by_branch(built_home: Home, query: Query) -> None:
    since = "{{ TimeDimension('metric_time', 'month') }} >= '2025-10-01'"
    rows = query("--saved-query", "sales_force", "--where", since)
    expected = {(r["branch_id"], r["month"]): r for r in mart(built_home, "branch_monthly").iter_rows(named=True)}
    assert len(rows) > 100
    for row in (row for row in rows if row["branch"]):  # some contacts are with reps of no branch
        branch = expected[row["branch"], row["metric_time__month"][:10]]
        for metric in ("headcount", "reps_known", "reps_contactable", "contactable_rate", "reps_contacted"):
            assert same(row[metric], branch[metric]), (branch["branch_id"], branch["month"], metric)


def test_the_pipeline_by_channel(built_home: Home, query: Query) -> None:
    rows = query("--saved-query", "due_pipeline")
    table = pl.read_parquet(built_home.published / "parquet" / "kpi" / "pipeline.parquet")
    sums = (
        table.with_columns(pl.col(pl.Decimal).cast(pl.Float64))
        .group_by("channel", "close_month")
        .agg(pl.col("open_deals", "pipeline_amount", "pipeline_weighted").sum())
    )
    expected = {(row["channel"], str(row["close_month"] or "")): row for row in sums.iter_rows(named=True)}
    assert {(row["pipeline__channel"], row["metric_time__month"][:10]) for row in rows} == expected.keys()
    for row in rows:
        for metric in ("open_deals", "pipeline_amount", "pipeline_weighted"):
            assert same(row[metric], expected[row["pipeline__channel"], row["metric_time__month"][:10]][metric])
