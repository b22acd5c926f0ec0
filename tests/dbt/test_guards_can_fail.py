"""Every guard fails on a planted violation: its compiled SQL runs on a warehouse that was broken before."""

from pathlib import Path

import duckdb
import pytest

from orchestration.home import PROJECT, Home

GUARDS = sorted(path.stem for path in (PROJECT / "tests" / "data").glob("*.sql"))

RECONCILE = "models/marts/attribution/reconciliation.sql"

SOME_FLOW = "scope = 'company' and status = 'active' and month = date '2026-01-01'"

# Guard → (what is broken, how, the model to build again afterwards). One way for each condition of a guard.
VIOLATIONS: dict[str, list[tuple[str, str, str | None]]] = {
    "assert_changes_add_up": [
        (
            "a yen too many in a part",
            "update kpi.change_explained set amount = amount + 1 where (pair, scope, entity_id, metric, cause) ="
            " (select (pair, scope, entity_id, metric, cause) from kpi.change_explained limit 1)",
            None,
        ),
        ("a cause is missing", "delete from kpi.change_explained where cause = 'corrected'", None),
        (
            "a branch is missing",
            "delete from kpi.change_explained where scope = 'branch' and entity_id = 'DIRECT'",
            None,
        ),
        (
            "a deal behind a part is missing",
            "delete from kpi.change_deals where deal_id = (select min(deal_id) from kpi.change_deals"
            " where cause = 'new_business' and measure = 'won_amount')",
            None,
        ),
        (
            "a mart has another figure",
            "update intermediate.int_monthly set won_amount = won_amount + 1 where month = (select max(month)"
            " from intermediate.int_monthly)",
            None,
        ),
    ],
    "assert_backtest_has_no_leak": [
        (
            "a value that came later",
            "update intermediate.int_potential_points set reported_value = 4321 where (branch_id, period_start) ="
            " (select (branch_id, period_start) from intermediate.int_backtest limit 1)",
            None,
        ),
        ("a profile that came later", "update segment.potential_outcomes set known_on = outcome_end", None),
        (
            "a win before the cut-off",
            "update segment.potential_outcomes set outcome_wins = outcome_wins + 1 where branch_id ="
            " (select min(branch_id) from segment.potential_outcomes)",
            None,
        ),
        (
            "branches that ended are left out",
            "delete from segment.potential_outcomes where branch_id in"
            " (select branch_id from core.dim_branch where closed_on is not null)",
            None,
        ),
    ],
    "assert_worklist_fits_capacity": [
        (
            "an hour too many",
            "update segment.activation_worklist set action_hours = action_hours + capacity_hours where list_rank = 1",
            None,
        ),
        ("a row is missing", "delete from segment.activation_worklist where list_rank = 1", None),
        (
            "another branch leads",
            "update segment.activation_worklist set list_priority = case list_rank when 1 then 4 else 1 end,"
            " action_hours = 0.5 where list_rank <= 2",
            None,
        ),
    ],
    "assert_support_adds_up": [
        (
            "a yen too many for an account manager",
            "update segment.manager_productivity set covered_won_amount = covered_won_amount + 1"
            " where covered_won_amount = (select max(covered_won_amount) from segment.manager_productivity)",
            None,
        ),
        (
            "an hour too many",
            "update segment.support_effort set support_hours = support_hours + 1 where scope = 'company'",
            None,
        ),
        (
            "a branch is missing",
            "delete from segment.support_effort where scope = 'branch' and entity_id ="
            " (select min(entity_id) from segment.support_effort where scope = 'branch' and target_share > 0)",
            None,
        ),
        (
            "a partner is missing",
            "delete from segment.support_effort where scope = 'partner' and support_hours > 0",
            None,
        ),
    ],
    "assert_company_is_not_empty": [("nothing landed", "delete from intermediate.int_deals", None)],
    "assert_one_decision_per_deal": [
        (
            "a join fanned out",
            "insert into attribution.deal_attribution from attribution.deal_attribution limit 1",
            None,
        ),
        (
            "a deal is lost",
            "delete from core.fct_deals where deal_id = (select min(deal_id) from core.fct_deals)",
            None,
        ),
    ],
    "assert_money_is_the_ledger": [
        (
            "a yen too many",
            "update core.fct_deals set amount = amount + 1"
            " where deal_id = (select min(deal_id) from core.fct_deals where amount > 0)",
            RECONCILE,
        ),
        ("a special member is missing", "delete from core.dim_branch where branch_id = 'DIRECT'", RECONCILE),
        ("a partner is missing", "delete from core.dim_partner where partner_id = 'DIRECT'", RECONCILE),
        (
            "as is differs from as was",
            "update attribution.current_credit set amount = amount + 1"
            " where deal_id = (select min(deal_id) from attribution.current_credit)",
            RECONCILE,
        ),
    ],
    "assert_ledger_keeps_raw_money": [
        (
            "an amount is cut",
            "update core.fct_deals set amount = amount - 1"
            " where deal_id = (select min(deal_id) from core.fct_deals where amount > 0 and currency = 'JPY')",
            None,
        ),
    ],
    "assert_current_credit_adds_up": [
        (
            "a part is lost",
            "delete from attribution.current_credit"
            " where deal_id = (select min(deal_id) from attribution.current_credit)",
            None,
        ),
    ],
    "assert_credit_is_on_open_branches": [
        (
            "the credited branch had closed",
            "update core.dim_branch set closed_on = date '1990-01-01' where branch_id ="
            " (select min(branch_id) from attribution.deal_attribution where rung = 'L3')",
            None,
        ),
        (
            "the credited branch is unknown",
            "update attribution.deal_attribution set branch_id = 'nowhere'"
            " where deal_id = (select min(deal_id) from attribution.deal_attribution)",
            None,
        ),
    ],
    "assert_programmes_share_deals": [
        (
            "a deal counts twice",
            "insert into intermediate.int_programme_deals from intermediate.int_programme_deals limit 1",
            None,
        ),
        (
            "a yen too many",
            "update intermediate.int_programme_revenue set amount = amount + 1 where deal_id ="
            " (select min(deal_id) from intermediate.int_programme_revenue)",
            "models/marts/plan/programme_payback.sql",
        ),
        ("a month is missing", "delete from plan.programme_payback where revenue != 0", None),
    ],
    "assert_flows_add_up": [
        ("one lost too many", f"update kpi.rep_flows set lost = lost + 1 where {SOME_FLOW}", None),
        ("a month is missing", f"delete from kpi.rep_flows where {SOME_FLOW}", None),
        (
            "a start that no month before has",
            "update kpi.rep_flows set members_start = members_start + 1, kept = kept + 1,"
            f" members_end = members_end + 1 where {SOME_FLOW} and member_type = 'branch'",
            None,
        ),
        (
            "another number than the monthly marts",
            "update intermediate.int_monthly_people set reps_active = reps_active + 1 where reps_active > 0",
            None,
        ),
        (
            "a name is missing",
            "delete from kpi.rep_flow_people where flow = 'lost' and member_id = (select min(member_id) from"
            " kpi.rep_flow_people where flow = 'lost')",
            None,
        ),
        (
            "somebody who moved has lapsed",
            "update kpi.rep_flow_people set is_lapsed = true where loss_reason = 'moved'",
            None,
        ),
    ],
    "assert_intervals_do_not_overlap": [
        (
            f"two rows of {relation} overlap",
            f"insert into {relation} select * from {relation} limit 1",
            None,
        )
        for relation in (
            "intermediate.int_rep_posts",
            "core.dim_branch_history",
            "intermediate.int_partner_identity",
            "intermediate.int_branch_partners",
            "intermediate.int_sole_branches",
            "kpi.status_spells",
        )
    ],
    "assert_unresolved_share_is_within_limit": [
        ("nothing is resolved", "update core.fct_deals set is_resolved = false where is_resolved", None),
    ],
    "assert_exclusions_are_listed": [
        (
            "an exclusion is not listed",
            "delete from attribution.exclusions where reason = 'DELETED' and record_type = 'deal'",
            None,
        ),
        (
            "a deal is counted and excluded",
            "update core.fct_deals set is_counted = true where not is_counted",
            None,
        ),
        (
            "a return is lost",
            "delete from core.fct_revenue where event_type = 'return'",
            None,
        ),
    ],
    "assert_stronger_evidence_decides": [
        (
            "a weaker rung decided",
            "update attribution.deal_attribution set rung = 'L9' where deal_id in (select deal_id from"
            " attribution.deal_evidence where status = 'contradicting' and reason is null and rung_order < 9)",
            None,
        ),
    ],
    "assert_plan_scopes_are_not_added": [
        (
            "a partner's divisions and branches in one sum",
            "update plan.plan_reconciliation set child_plan_target = sums.both from (select plan_id, metric,"
            " sum(child_plan_target) as both from plan.plan_reconciliation group by all having count(*) > 1) as sums"
            " where plan_reconciliation.plan_id = sums.plan_id and plan_reconciliation.metric = sums.metric",
            None,
        ),
        (
            "a partner's plan below itself",
            "update plan.plan_reconciliation set child_scope = scope where scope = 'partner'",
            None,
        ),
        (
            "a partner's result and its branches' results",
            "update plan.plan_progress set goal_actual = 2 * goal_actual where scope = 'partner' and goal_actual > 0",
            None,
        ),
    ],
    "assert_no_warning_stops": [
        (
            "a warning that stops",
            "update attribution.quarantine set severity = 'stop' where reason = 'FX_MISSING'",
            None,
        ),
    ],
    "assert_restatements_explain_closed_months": [
        (
            "a restatement is missing with its money",
            "delete from attribution.restatements where deal_id = 'TRAP18-D'",
            None,
        ),
        (
            "a yen too many",
            "update attribution.restatements set to_amount = to_amount + 1 where deal_id = 'TRAP18-D'",
            None,
        ),
        (
            "a closed month's revenue changed",
            "update core.fct_revenue set amount = amount + 1"
            " where deal_id = (select min(deal_id) from core.fct_revenue where recognized_month = date '2024-04-01')",
            None,
        ),
        (
            "a deal without money moved",
            "update attribution.deal_attribution set branch_id = 'elsewhere' where deal_id = (select min(deal_id)"
            " from core.fct_deals where status = 'lost' and credit_on < date '2024-04-01')",
            None,
        ),
        ("an earlier step is missing", "delete from attribution.restatements where deal_id = 'TRAP17-B'", None),
        (
            "an open month is restated",
            "insert into attribution.restatements select * replace (date '2026-04-01' as month, 0 as from_amount,"
            " 0 as to_amount) from attribution.restatements where deal_id = 'TRAP18-D'",
            None,
        ),
    ],
    "assert_texts_are_normalised": [
        (
            "names ran before the deals were loaded",
            "update intermediate.int_deals set partner_text = '新しい会社' where deal_id ="
            " (select min(deal_id) from intermediate.int_deals)",
            None,
        ),
    ],
    "assert_stages_are_known": [
        ("a spelling is not mapped", "delete from seeds.stage_map where source_stage = '受注'", None),
    ],
    "assert_successions_do_not_circle": [
        (
            "a branch has no successor at all",
            "delete from intermediate.int_branch_successors where branch_id = 'DIRECT'",
            None,
        ),
        ("shares exceed one", "update intermediate.int_branch_successors set share = 1.1 where share = 1", None),
    ],
    "assert_ladder_is_valid": [
        (
            "two rungs with one order",
            "update attribution.attribution_ladder set rung_order = 3 where rung = 'L4'",
            None,
        ),
        ("an unknown code", "update attribution.attribution_ladder set evidence_code = 'E99' where rung = 'L4'", None),
        ("no rung for a special member", "delete from attribution.attribution_ladder where rung = 'L13'", None),
        (
            "a suggestion that decides",
            "update attribution.attribution_ladder set mode = 'resolve', rung = 'L9', rung_order = 9"
            " where evidence_code = 'E13'",
            None,
        ),
        ("an unknown mode", "update attribution.attribution_ladder set mode = 'maybe' where rung = 'L4'", None),
        (
            "a person's decision on another rung",
            "update attribution.attribution_ladder set rung = 'L14', rung_order = 14 where evidence_code = 'E01'",
            None,
        ),
    ],
    "assert_concentration_is_of_the_same_reps": [
        (
            "a join loses the branches that sold nothing",
            "delete from kpi.rep_concentration where producing_reps = 0",
            None,
        ),
        (
            "a rep is counted twice",
            "update kpi.rep_concentration set producing_reps = producing_reps + 1 where producing_reps > 0",
            None,
        ),
        (
            "a division is missing",
            "delete from kpi.rep_concentration where scope = 'division'"
            " and entity_id = (select min(entity_id) from kpi.rep_concentration where scope = 'division')",
            None,
        ),
        ("a share of one and a half", "update kpi.rep_concentration set rep_hhi = 1.5 where rep_hhi = 1", None),
    ],
    "assert_decomposition_adds_up": [
        (
            "an effect is a yen too large",
            "update kpi.revenue_decomposition set wins_per_rep_effect = wins_per_rep_effect + 1"
            " where scope = 'company'",
            None,
        ),
        ("a quarter is missing", "delete from kpi.revenue_decomposition where fiscal_period = 'Q2'", None),
        ("a scope is missing", "delete from kpi.revenue_decomposition where scope = 'division'", None),
    ],
    "assert_kpi_sets_are_few": [
        (
            "a sixth metric",
            "insert into kpi.kpi_sets values ('launch', 'resale', 6, 'won_amount', false, date '2000-01-01')",
            None,
        ),
        ("a metric that nobody computes", "update kpi.kpi_sets set metric = 'charm' where kpi_rank = 1", None),
        ("a metric of no card", "update kpi.kpi_sets set metric = 'conflict_rate' where kpi_rank = 1", None),
        ("a metric twice", "update kpi.kpi_sets set metric = 'deals_new' where phase = 'launch'", None),
    ],
    "assert_monthly_marts_add_up": [
        ("a branch of today is missing", "delete from kpi.branch_monthly_as_is where branch_id = 'DIRECT'", None),
        (
            "a yen too many in a mart",
            "update kpi.branch_monthly set won_amount = won_amount + 1"
            " where branch_id = 'DIRECT' and month = (select min(month) from kpi.branch_monthly)"
            " or (branch_id, month) = (select (branch_id, month) from kpi.branch_monthly limit 1)",
            None,
        ),
        ("a partner is missing", "delete from kpi.partner_monthly where partner_id = 'DIRECT'", None),
        (
            "a division has a deal too many",
            "update kpi.division_monthly set deals_new = deals_new + 1 where (division_id, month) ="
            " (select (division_id, month) from kpi.division_monthly limit 1)",
            None,
        ),
        (
            "a division of today is missing",
            "delete from kpi.division_monthly_as_is where division_id = 'DIRECT'",
            None,
        ),
    ],
    "assert_scopes_agree": [
        (
            "a month of one scope is missing",
            "delete from intermediate.int_monthly where month = (select max(month) from intermediate.int_monthly"
            " where deals_new > 0) and scope_key in (select scope_key from intermediate.int_scopes"
            " where organisation = 'as_is' and scope = 'company')",
            None,
        ),
        (
            "a yen of a split is lost",
            "update intermediate.int_monthly set won_amount = won_amount - 1 where (scope_key, month) = (select"
            " (scope_key, month) from intermediate.int_monthly inner join intermediate.int_scopes using (scope_key)"
            " where organisation = 'as_is' and scope = 'division' and won_amount > 0 limit 1)",
            None,
        ),
        (
            "a branch is placed twice",
            "insert into intermediate.int_monthly from intermediate.int_monthly where scope_key in"
            " (select scope_key from intermediate.int_scopes"
            " where organisation = 'as_was' and scope = 'branch' and entity_id = 'DIRECT')",
            None,
        ),
    ],
    "assert_segments_add_up": [
        (
            "a branch is not on the map",
            "delete from segment.branch_segments where branch_id = (select min(branch_id) from"
            " segment.branch_segments)",
            None,
        ),
        ("a branch moved twice", "update segment.segment_migration set branches = branches + 1", None),
        (
            "a feature is lost",
            "delete from segment.potential_contributions where feature = 'target_customer_overlap'",
            None,
        ),
        ("two versions", "update segment.cut_lines set is_in_force = not is_in_force", None),
    ],
}
CASES = [(guard, *case) for guard, cases in VIOLATIONS.items() for case in cases]


def compiled(home: Home, path: str) -> str:
    return (home.build / "target" / "compiled" / "kyoten" / path).read_text()


@pytest.fixture(scope="module")
def database(built_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the working database with the same file name, because compiled SQL contains it."""
    copy = tmp_path_factory.mktemp("guards") / built_home.database.name
    copy.write_bytes(built_home.database.read_bytes())
    return copy


def failures(connection: duckdb.DuckDBPyConnection, home: Home, guard: str) -> int:
    rows = connection.execute(compiled(home, f"tests/data/{guard}.sql")).fetchall()
    return len(rows)


def test_every_guard_has_a_planted_violation() -> None:
    assert sorted(VIOLATIONS) == GUARDS


@pytest.mark.parametrize(
    ("guard", "what", "breakage", "rebuild"), CASES, ids=[f"{case[0]}: {case[1]}" for case in CASES]
)
def test_guard_fails(
    built_home: Home, database: Path, guard: str, what: str, breakage: str, rebuild: str | None
) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute("begin")
        try:
            assert failures(connection, built_home, guard) == 0, "the guard passes before anything is broken"
            connection.execute(breakage)
            if rebuild:
                table = f"attribution.{Path(rebuild).stem}"
                connection.execute(f"create or replace table {table} as {compiled(built_home, rebuild)}")
            assert failures(connection, built_home, guard) > 0, what
        finally:
            connection.execute("rollback")
