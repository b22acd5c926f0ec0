"""Every published metric is in the catalogue, and every row of the catalogue is computed or marked as planned."""

import csv
import re
from collections import Counter
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
# Metrics that other marts repeat, in the meaning of the catalogue, for the rows of the mart.
REPEATED = {
    "branch_channel_monthly": {"deals_new", "deals_qualified", "deals_won", "deals_lost", "won_amount"},
    "rep_monthly": {"deals_new", "referrals", "deals_won", "won_amount"},
    "two_tier_monthly": {"deals_won", "won_amount"},
    "rep_concentration": {"headcount", "rep_penetration", "median_deal"},
    "plan_inverse": {"headcount"},
    "revenue_decomposition": {"deals_won", "won_amount"},
    "forecast_history": {"open_deals"},
    "headlines": {"deals_new", "deals_won", "won_amount", "indirect_ratio"},
    "three_sided": {"deals_won", "won_amount"},
}
# Numeric columns that are no metrics of their own: parts of a metric, its complement, and attributes of a row.
PARTS = re.compile(
    r".*_(numerator|denominator|effect|year_before)|(previous|reference|all)_.*|.*_won_amount(_indirect)?|won_amount_.*"
    r"|fiscal_year|.*_order|share_shorter|.*_rank|(median_)?dwell_days|usual_days|transitions|amount"
    r"|((target|month)_)?actual|target|path|path_seasonal|seasonal_gap|gap"
    r"|(forecast|actual)_.*|overdue_win_probability"
)
# Documented only in the mart that has them.
DETAILS = {
    "active_branches", "average_deal", "became_partner", "branches", "customers", "cycle_deals",
    "deals_missing", "quarters", "wins_ratio", "estimated_ratio", "deals_won_t12m", "entered",
    "evaluation_known", "focus_products_known", "headcount_known", "inquiries", "known_weight",
    "median_rep_amount", "numerator", "denominator", "raw_rate", "estimated_rate", "interval_low",
    "interval_high", "overdue_amount", "overdue_deals", "overdue_weighted", "pass_rate", "known_amount",
    "unassigned_amount", "unassigned_wins", "unassigned_wins_t12m", "headroom_reps_min", "headroom_amount_min",
    "expected_inquiries", "age_days", "win_rate_month", "win_rate_t12m", "passed", "points_competitor",
    "points_customers", "points_headcount", "points_overlap", "producing_branches", "producing_reps",
    "reps_per_branch", "result", "support_priority", "wins_per_rep", "call_value", "call_win_amount",
    "call_win_rate", "deals_after_call", "deals_brought", "deals_without_call", "earlier_calls",
    "expected_deals", "gained", "kept", "lapsed", "left_amount", "left_customers", "left_deals", "lost",
    "members_end", "members_start", "new_deal_chance", "next_deals", "quiet_chance", "recent_deals", "returned",
    "sold_amount", "sold_deals", "usual_chance", "window_days", "change", "deals", "from_value", "to_value",
    "adjusted_amount", "branch_deals_won", "closed_in_industry", "customers_won", "days_without_movement",
    "wait_days", "wins_in_industry", "play_uses", "play_deals", "play_pass_rate", "play_other_pass_rate",
    "present_reps", "lever_rate", "lever_benchmark", "lever_peers", "direct_amount", "partner_target",
    "reachable_amount", "wins_needed", "reps_needed", "branches_needed", "open_branches",
    # Effects, programmes and decisions.
    "planned_actions", "planned_actions_done", "adoption_rate", "actions_done", "actions_running", "n",
    "deals_before", "deals_after", "effect_share", "branches_agreed", "partners", "activities_held", "attendances",
    "leads_of_programme", "leads_accepted", "leads_followed_up", "lead_deals", "linked_deals", "linked_wins",
    "planned_cost", "cost", "margin_known_share", "revenue", "benefit", "expected_margin",
    "benefit_at_planned_payback", "months_late", "months_run", "roi_6_months", "roi_12_months", "roi_24_months",
    "nth_month", "margin", "cumulative_cost", "cumulative_benefit", "cumulative_net", "roi_to_date", "lead_wins",
    "quick_leads", "quick_lead_deals", "slow_leads", "other_lead_deals", "commission_known_share", "figure",
    "figure_then", "expected_value", "actual_value",
}  # fmt: skip


def catalogue(project: Path = PROJECT) -> list[dict[str, str]]:
    with (project / "seeds" / "metrics.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def columns() -> dict[str, dict[str, str]]:
    """Return each mart's columns with their types."""
    return {
        model["name"]: {column["name"]: column["data_type"] for column in model["columns"]}
        for folder in ("kpi", "segment", "plan")
        for path in (MARTS / folder).glob("*.yml")
        for model in yaml.safe_load(path.read_text("utf-8")).get("models", [])
        if path.with_name(f"{model['name']}.sql").exists()
    }


def own_columns(rows: list[dict[str, str]]) -> set[tuple[str, str]]:
    """Return the marts and columns of the catalogue's metrics."""
    known = {(row["model"], row["metric"]) for row in rows}
    return known | {(twin, metric) for model, metric in known for twin in TWINS.get(model, ())}


def uncatalogued(rows: list[dict[str, str]], marts: dict[str, dict[str, str]]) -> list[str]:
    """Return the figures that are no metric of their mart; a repeated metric must be listed for the mart."""
    known = own_columns(rows) | {(mart, metric) for mart, metrics in REPEATED.items() for metric in metrics}
    codes = {row["metric"] for row in rows}
    return [
        f"{mart}.{name}"
        for mart, types in marts.items()
        for name, data_type in types.items()
        if re.match(r"bigint|double|decimal|integer", data_type)
        and (mart, name) not in known
        # A code of the catalogue has one meaning, so it cannot be the name of a part or a detail.
        and (name in codes or (name not in DETAILS and not PARTS.fullmatch(name)))
    ]


def test_every_published_metric_is_in_the_catalogue() -> None:
    rows, marts = catalogue(), columns()
    assert uncatalogued(rows, marts) == []
    assert uncatalogued([row for row in rows if row["metric"] != "velocity"], marts) == ["performance.velocity"]


def test_a_mart_reuses_the_code_of_a_metric_only_where_it_repeats_the_metric() -> None:
    rows, marts = catalogue(), columns()
    reused = marts | {"branch_monthly": marts["branch_monthly"] | {"lost_amount": "decimal(18, 2)"}}
    assert uncatalogued(rows, reused) == ["branch_monthly.lost_amount"]
    repeated = {(mart, metric) for mart, metrics in REPEATED.items() for metric in metrics}
    assert [pair for pair in repeated if pair[1] not in marts[pair[0]]] == []
    assert repeated & own_columns(rows) == set()


def repeated_codes(codes: list[str]) -> list[str]:
    return [code for code, count in Counter(codes).items() if count > 1]


def test_a_code_belongs_to_one_metric() -> None:
    layer = yaml.safe_load((MARTS / "kpi" / "_semantic_models.yml").read_text(encoding="utf-8"))
    for codes in ([row["metric"] for row in catalogue()], [metric["name"] for metric in layer["metrics"]]):
        assert repeated_codes(codes) == []
        assert repeated_codes([*codes, "lost_amount"]) == ["lost_amount"]


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
    """int_kpi_values.sql has every metric that assert_kpi_sets_are_few accepts; a missing one would have no figure."""
    sql = read_manifest(compiled, {})["nodes"]["model.kyoten.int_kpi_values"]["compiled_code"]
    guard = (PROJECT / "tests" / "data" / "assert_kpi_sets_are_few.sql").read_text(encoding="utf-8")
    models = re.findall(r"'(\w+)'", guard.partition("metrics.model in (")[2].partition(")")[0])
    assert len(models) == 4
    accepted = {row["metric"] for row in catalogue() if row["model"] in models}
    shown = set(re.findall(r"when '(\w+)' then", sql))
    assert shown == accepted, (
        f"models/marts/kpi/intermediate/int_kpi_values.sql must have {sorted(accepted - shown)}. "
        "A sum over deals or activities belongs in additive_metrics of macros/monthly_kpis.sql."
    )
    with (PROJECT / "seeds" / "kpi_sets.csv").open(encoding="utf-8") as file:
        assert {row["metric"] for row in csv.DictReader(file)} < accepted


def test_only_plans_segments_and_programmes_are_still_to_come() -> None:
    assert {row["metric"] for row in catalogue() if row["status"] == "planned"} == {
        "attainment", "shortfall", "gap_cover", "action_on_time", "plan_coverage", "potential_lift",
        "focus_ratio", "mode_mismatch", "rollout_success", "bridge_rate", "qbr_coverage",
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
    # A company of a thousand deals has too few actions for an effect; test_effects measures it on a larger one.
    assert set(empty) <= {"action_effect"}


def test_the_labels_of_a_metric_are_the_same_in_the_catalogue(built_home: Home) -> None:
    labels = {
        (model, metric): (row["label"], row["label_ja"])
        for row in catalogue()
        for model, metric in own_columns([row])
        if model
    }
    with duckdb.connect(str(built_home.published / "kyoten.duckdb"), read_only=True) as release:
        rows = release.execute("select table_name, column_name, label_en, label_ja from ops.catalog").fetchall()
    found = {(table, column): labels for table, column, *labels in rows}
    assert {pair: tuple(found[pair]) for pair in labels} == labels
    # Here the code counts fewer deals than the metric.
    assert found["revenue_decomposition", "deals_won"] == ["Wins of known reps", "受注件数(担当判明分)"]


def unguarded(rows: list[dict[str, str]], sql: str) -> list[str]:
    """Return the additive metrics of a month whose totals a guard does not compare with the facts."""
    compared = set(re.findall(r"'(\w+)'(?: as metric)?, \w+(?: as figure)?\s+from", sql.partition("totals as (")[0]))
    # The other windows do not add up facts of the month: headcount is the latest declared number.
    return [
        row["metric"]
        for row in rows
        if row["model"] == "branch_monthly"
        and row["is_additive"] == "true"
        and row["time_window"] == "month"
        and row["metric"] not in compared
    ]


def test_every_additive_metric_of_a_month_is_compared_with_the_facts(compiled: Home) -> None:
    sql = read_manifest(compiled, {})["nodes"]["test.kyoten.assert_monthly_marts_add_up"]["compiled_code"]
    rows = catalogue()
    missing = unguarded(rows, sql)
    assert missing == [], f"tests/data/assert_monthly_marts_add_up.sql must compute {missing} from the facts."
    assert unguarded(rows, sql.replace("'referrals', 1", "'calls', 1")) == ["referrals"]


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
