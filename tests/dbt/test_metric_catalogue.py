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
    "levers": {"headroom_reps", "headroom_amount"},
    "plan_inverse": {"headcount"},
    "revenue_decomposition": {"deals_won", "won_amount"},
    "forecast_history": {"open_deals"},
    "potential_outcomes": {"potential_score"},
    "headlines": {"deals_new", "deals_won", "won_amount", "indirect_ratio"},
    "three_sided": {"deals_won", "won_amount"},
    "next_budget": {"action_effect"},
}
# Numeric columns that are no metrics of their own: parts of a metric, its complement, and attributes of a row.
PARTS = re.compile(
    r".*_(numerator|denominator|effect|year_before)|(previous|reference|all)_.*|.*_won_amount(_indirect)?|won_amount_.*"
    r"|fiscal_year|.*_order|share_shorter|.*_rank|(median_)?dwell_days|usual_days|transitions|amount"
    r"|((target|month)_)?actual|target|path|path_seasonal|seasonal_gap|gap"
    r"|(forecast|actual)_.*|overdue_win_probability|(quarter|review)_.*|.*_now"
)
# Documented only in the mart that has them.
DETAILS = {
    "action_goals", "action_hours", "action_months", "actions_done", "actions_due",
    "actions_late", "actions_not_done", "actions_on_time", "actions_open", "actions_overdue", "actions_running",
    "active_branches", "activities", "activities_held", "actual_to_date", "actual_value", "adjusted_amount",
    "adoption_rate", "age_days", "agreed_child_plans", "all_weight", "amount_before", "amount_per_hour",
    "amount_share", "assumed_hours", "assumed_minutes", "attainment_month", "attendances", "auc", "auc_high",
    "auc_low", "average_deal", "base_rate", "became_contracted", "became_partner", "became_winning", "benefit",
    "benefit_at_planned_payback", "branch_deals_won", "branches", "branches_agreed", "branches_covered",
    "branches_needed", "branches_with_too_little", "branches_with_too_much", "call_value", "call_win_amount",
    "call_win_rate", "capacity_amount", "capacity_hours", "case_adoptions", "case_shares", "cases_captured",
    "champions", "change", "child_actual_to_date", "child_attainment", "child_plan_target", "child_plans",
    "closed_deals", "closed_in_industry", "commission_known_amount", "commission_known_share", "contracted",
    "correlation", "cost", "covered_branches_won", "cumulative_benefit", "cumulative_cost", "cumulative_net",
    "customers", "customers_won", "customers_won_per_10000", "cut_value", "cutoffs", "cycle_deals", "days_late",
    "days_overdue", "days_to_first_win", "days_without_movement", "deals", "deals_after", "deals_after_call",
    "deals_before", "deals_brought", "deals_missing", "deals_without_call", "deals_won_t12m", "decision_days",
    "decisions", "denominator", "direct_amount", "earlier_calls", "effect_actions", "effect_share",
    "effort_share", "enabled", "entered", "establishments", "estimated_amount", "estimated_earnings",
    "estimated_rate", "estimated_ratio", "estimated_wins", "evaluation_known", "executive_level",
    "executive_meetings", "executive_qbrs", "expected_amount", "expected_deals", "expected_growth",
    "expected_inquiries", "expected_margin", "expected_rate", "expected_value", "fact_branches", "facts_known",
    "failures_captured", "feasible_amount", "figure", "figure_then", "fit_rate", "fit_signs", "focus_adoption",
    "focus_products_known", "from_value", "fte_months", "gained", "goal_actual", "goals", "headcount_known",
    "headroom_amount_min", "headroom_reps_min", "high_potential_no_result", "high_potential_with_result",
    "hours_so_far", "inbound_deal_rate", "inquiries", "inquiry_conversion", "interval_high", "interval_low",
    "issues_solved", "kept",
    "known_amount", "known_earnings", "known_weight", "lapsed", "lead_deals", "lead_wins", "leads_accepted",
    "leads_followed_up", "leads_of_programme", "left_amount", "left_customers", "left_deals", "lever_benchmark",
    "lever_peers", "lever_rate", "lift_high", "lift_low", "linked_deals", "linked_wins", "list_potential",
    "list_priority", "live_champions", "live_touches", "live_touches_after", "live_touches_before",
    "logged_lag_days", "logging_coverage", "logging_lag_days", "lost", "low_potential_no_result",
    "low_potential_with_result", "manager_hours", "margin", "margin_known_share", "mass_touches",
    "max_potential_score", "measured_goals", "median_rep_amount", "meeting_yield", "meetings", "members_end",
    "members_start", "met", "months_late", "months_left", "months_run", "n", "new_deal_chance", "next_actions",
    "next_deals", "next_target_amount", "nth_month", "numerator", "oldest_overdue_days", "open_actions",
    "open_branches", "original_attainment", "original_target", "original_target_to_date",
    "other_actual_to_date", "other_lead_deals", "outcome_amount", "outcome_rate", "outcome_wins", "over_served",
    "overdue_amount", "overdue_deals", "overdue_weighted", "partner_target", "partners", "pass_rate", "passed",
    "people_to_call", "plan_actions", "plan_target", "plan_version", "planned_actions", "planned_actions_done",
    "planned_cost", "play_deals", "play_other_pass_rate", "play_pass_rate", "play_uses", "points",
    "potential_cut", "potential_share", "present_reps", "producing", "producing_branches", "producing_reps",
    "product_cycle_days", "product_win_rate", "productivity", "profile_age_days", "profile_completeness",
    "proposed_amount", "prospects", "quantile_share", "quarters", "quick_lead_deals", "quick_leads",
    "quiet_chance", "rated_days", "raw_rate", "reachable_amount", "reached_goals", "recent_deals",
    "recurring_amount_t12m", "regional_share", "remaining_target", "reported_days", "reported_value",
    "reps_needed", "reps_per_branch", "result", "result_cut", "result_goals", "result_high_potential",
    "result_share", "returned", "revenue", "roi_12_months", "roi_24_months", "roi_6_months", "roi_to_date",
    "rollouts", "rollouts_running", "rollouts_sold_before", "rollouts_started", "rollouts_succeeded",
    "run_rate_amount", "scaled_value", "scope_attainment", "score_bin", "score_fifth", "score_from",
    "score_points", "score_to", "seasonal_target_to_date", "set_amount", "set_gap_amount", "shareable_cases",
    "shares_won", "similarity", "similarity_area", "similarity_customers", "similarity_headcount", "slow_leads",
    "sold_amount", "sold_deals", "source_closed_deals", "source_customers", "source_expected_customers",
    "source_win_rate", "source_wins", "starts", "success_rate", "support_correlation", "support_cost",
    "support_hours", "support_priority", "target_amount", "target_reps", "target_share", "target_to_date",
    "to_value", "unallocated_target", "unassigned_amount", "unassigned_wins", "unassigned_wins_t12m",
    "unknown_potential", "unplaced_minutes", "untold_sisters", "untold_sisters_won", "untold_success",
    "usual_chance", "variance", "version", "visited_share", "wait_days", "weight", "win_rate_month",
    "win_rate_t12m", "window_days", "wins_in_industry", "wins_needed", "wins_per_head", "wins_per_rep",
    "wins_ratio", "with_deal", "with_win", "yearly_target_amount",
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


def test_every_metric_is_computed() -> None:
    assert [row["metric"] for row in catalogue() if row["status"] != "computed"] == []


def test_every_computed_metric_has_a_value(built_home: Home) -> None:
    empty = []
    # The company of the tests supplies three leads a month at most, too few for a rate.
    few = {"lead_acceptance_rate", "lead_follow_up_rate", "lead_deal_rate"}
    for row in catalogue():
        if row["status"] == "computed" and row["metric"] not in few:
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
