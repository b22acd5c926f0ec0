"""Every published metric is in the catalogue, and every row of the catalogue is computed or marked as planned."""

import csv
import re
from pathlib import Path

import duckdb
import polars as pl
import pytest
import yaml

from orchestration.home import PROJECT, Home
from orchestration.warehouse import read_manifest

MARTS = PROJECT / "models" / "marts"
# Published for each of these scopes under one name.
TWINS = {
    "branch_monthly": (
        "branch_monthly_as_is", "division_monthly", "division_monthly_as_is", "partner_monthly",
        "partner_monthly_as_is", "company_monthly",
    ),
}  # fmt: skip
# Numeric columns that are no metrics of their own: parts of a metric, its complement, and attributes of a row.
PARTS = re.compile(
    r".*_(numerator|denominator|effect|year_before)|(previous|reference|all)_.*|.*_won_amount(_indirect)?|won_amount_.*"
    r"|fiscal_year|.*_order|.*_rank|(median_)?dwell_days|usual_days|transitions|amount|(target_)?actual|target|path|gap"
)
# Documented only in the mart that has them.
DETAILS = {
    "active_branches", "average_deal", "became_partner", "branches", "customers", "cycle_deals", "deals_missing",
    "deals_won_t12m", "entered", "evaluation_known", "focus_products_known", "headcount_known", "inquiries",
    "known_weight", "median_rep_amount", "overdue_amount", "overdue_deals", "overdue_weighted", "pass_rate",
    "known_amount", "unassigned_amount", "unassigned_wins", "unassigned_wins_t12m", "headroom_reps_min",
    "headroom_amount_min", "expected_inquiries", "age_days", "win_rate_month", "win_rate_t12m",
    "passed", "points_competitor", "points_customers", "points_headcount", "points_overlap", "producing_branches",
    "producing_reps", "reps_per_branch", "result", "support_priority", "wins_per_rep",
}  # fmt: skip


def catalogue(project: Path = PROJECT) -> list[dict[str, str]]:
    with (project / "seeds" / "metrics.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def columns() -> dict[str, dict[str, str]]:
    """Return each mart's columns with their types."""
    return {
        model["name"]: {column["name"]: column["data_type"] for column in model["columns"]}
        for folder in ("kpi", "segment")
        for path in (MARTS / folder).glob("*.yml")
        for model in yaml.safe_load(path.read_text("utf-8")).get("models", [])
        if path.with_name(f"{model['name']}.sql").exists()
    }


def uncatalogued(rows: list[dict[str, str]]) -> list[str]:
    known = {(row["model"], row["metric"]) for row in rows}
    known |= {(twin, metric) for model, metric in known for twin in TWINS.get(model, ())}
    names = {metric for _, metric in known}
    return [
        f"{mart}.{name}"
        for mart, types in columns().items()
        for name, data_type in types.items()
        if re.match(r"bigint|double|decimal|integer", data_type)
        and (mart, name) not in known
        # A metric that another mart repeats, or a part of a metric.
        and name not in names
        and name not in DETAILS
        and not PARTS.fullmatch(name)
    ]


def test_every_published_metric_is_in_the_catalogue() -> None:
    rows = catalogue()
    assert uncatalogued(rows) == []
    assert uncatalogued([row for row in rows if row["metric"] != "velocity"]) == ["performance.velocity"]


def test_every_computed_metric_is_published() -> None:
    marts = columns()
    for row in catalogue():
        if row["status"] == "planned":
            assert not row["model"] and not any(row["metric"] in types for types in marts.values()), row["metric"]
            continue
        assert row["status"] == "computed", row["metric"]
        for model in (row["model"], *TWINS.get(row["model"], ())):
            assert row["metric"] in marts[model], f"{model}.{row['metric']}"
        missing = [key for key, value in row.items() if not value]
        assert missing == [], row["metric"]
        assert row["unit"] in {"count", "persons", "JPY", "JPY/day", "ratio", "days", "index", "unit of the metric"}
        assert row["direction"] in {"up", "down"}


def test_a_scorecard_can_show_every_metric_of_a_set(compiled: Home) -> None:
    """scorecard.sql shows every metric that assert_kpi_sets_are_few accepts; a missing one would have no figure."""
    sql = read_manifest(compiled, {})["nodes"]["model.kyoten.scorecard"]["compiled_code"]
    guard = (PROJECT / "tests" / "data" / "assert_kpi_sets_are_few.sql").read_text(encoding="utf-8")
    models = re.findall(r"'(\w+)'", guard.partition("metrics.model in (")[2].partition(")")[0])
    assert len(models) == 4
    accepted = {row["metric"] for row in catalogue() if row["model"] in models}
    shown = set(re.findall(r"when '(\w+)' then", sql))
    assert shown == accepted, (
        f"models/marts/kpi/scorecard.sql must show {sorted(accepted - shown)}. "
        "A sum over deals or activities belongs in additive_metrics of macros/monthly_kpis.sql."
    )
    with (PROJECT / "seeds" / "kpi_sets.csv").open(encoding="utf-8") as file:
        assert {row["metric"] for row in csv.DictReader(file)} < accepted


def test_only_plans_segments_and_programmes_are_still_to_come() -> None:
    assert {row["metric"] for row in catalogue() if row["status"] == "planned"} == {
        "attainment", "shortfall", "gap_cover", "action_on_time", "plan_coverage", "action_effect", "potential_lift",
        "focus_ratio", "mode_mismatch", "rollout_success", "bridge_rate", "qbr_coverage", "programme_roi",
        "support_load",
    }  # fmt: skip


def test_every_computed_metric_has_a_value(built_home: Home) -> None:
    empty = []
    for row in catalogue():
        if row["status"] == "computed":
            (path,) = (built_home.published / "parquet").glob(f"*/{row['model']}.parquet")
            table = pl.read_parquet(path)
            if table[row["metric"]].drop_nulls().is_empty():
                empty.append(row["metric"])
    assert empty == []


def test_additive_metrics_add_up_and_others_do_not(built_home: Home) -> None:
    """A metric that the catalogue calls additive, summed over branches, is the company's; some others are not."""
    with duckdb.connect(str(built_home.published / "kyoten.duckdb"), read_only=True) as release:
        for row in catalogue():
            if row["model"] != "branch_monthly":
                continue
            sums = release.execute(
                f'select sum(b."{row["metric"]}") from kpi.branch_monthly as b'
                f' union all select sum(c."{row["metric"]}") from kpi.company_monthly as c'
            ).fetchall()
            if row["is_additive"] == "true":
                assert sums[0] == pytest.approx(sums[1]), row["metric"]
            elif row["unit"] == "ratio":
                assert sums[0] != sums[1], row["metric"]
