"""Every deal of the sample company is attributed as in its truth file: branch, rung, credit date, reasons, money."""

from collections.abc import Iterator

import duckdb
import pytest

from orchestration.home import Home


@pytest.fixture(scope="module")
def decided(built_home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published release joined with the truth, as the relation `decided`."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{built_home.published / 'kyoten.duckdb'}' as release (read_only)")
        connection.execute("use release")
        truth = built_home.truth / "deals.csv"
        connection.execute(
            f"""
            create temp table decided as
            select truth.*, found.branch_id, found.rung, found.partner_id, found.rep_id, found.credit_on,
                   found.branch_id_current, reasons.reasons, facts.is_counted
            from read_csv('{truth}', all_varchar = true, header = true) as truth
            left join attribution.deal_attribution as found using (deal_id)
            left join core.fct_deals as facts using (deal_id)
            left join (
                select deal_id, string_agg(reason, ';' order by reason) as reasons
                from attribution.quarantine group by deal_id
            ) as reasons using (deal_id)
            """
        )
        yield connection


def test_every_deal_of_the_truth_is_decided_once(decided: duckdb.DuckDBPyConnection) -> None:
    undecided = decided.execute('select "case" from decided where branch_id is null').fetchall()
    (deals,) = decided.execute("select count(*) from decided").fetchone() or (0,)
    (published,) = decided.execute("select count(*) from attribution.deal_attribution").fetchone() or (0,)
    assert undecided == [("deleted",)]
    assert published == deals - 1 > 0


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ("branch_id", "expected_branch_id"),
        ("partner_id", "expected_partner_id"),
        ("rung", "expected_rung"),
        ("cast(credit_on as varchar)", "expected_credit_on"),
        ("branch_id_current", "expected_branch_id_current"),
        ("coalesce(cast(is_counted as varchar), 'false')", "lower(expected_is_counted)"),
        ("rep_id", "coalesce(expected_rep_id, rep_id)"),
        (
            "list_sort(string_split(coalesce(reasons, ''), ';'))",
            "list_sort(string_split(coalesce(expected_reason, ''), ';'))",
        ),
    ],
)
def test_deals_are_attributed_as_in_the_truth_file(
    decided: duckdb.DuckDBPyConnection, found: str, expected: str
) -> None:
    wrong = decided.execute(
        f"""select deal_id, "case", {expected}, {found} from decided
            where damaged is null and {found} is distinct from {expected} limit 10"""
    ).fetchall()
    assert wrong == []


def test_damaged_evidence_may_be_undecided_and_never_decides_wrongly(decided: duckdb.DuckDBPyConnection) -> None:
    (damaged,) = decided.execute("select count(*) from decided where damaged is not null").fetchone() or (0,)
    wrong = decided.execute(
        """select deal_id, damaged, expected_branch_id, branch_id from decided
           where damaged is not null and branch_id != expected_branch_id and rung not in ('L11', 'L12')"""
    ).fetchall()
    assert damaged > 10
    assert wrong == []


def test_every_trap_is_planted(decided: duckdb.DuckDBPyConnection) -> None:
    traps = decided.execute("select distinct cast(trap as integer) from decided where trap is not null").fetchall()
    assert {trap for (trap,) in traps} == set(range(1, 29))


def test_branches_partners_and_ledger_have_one_total(decided: duckdb.DuckDBPyConnection) -> None:
    """Σ branches = Σ partners with DIRECT and UNRESOLVED = the ledger, exactly."""
    totals = decided.execute(
        """select (select sum(won_amount) from kpi.branch_monthly), (select sum(won_amount) from kpi.partner_monthly),
                  (select sum(won_amount) from kpi.company_monthly), (select sum(amount) from core.fct_revenue),
                  (select sum(amount) from attribution.current_credit)"""
    ).fetchone()
    assert totals and len(set(totals)) == 1 and totals[0] > 0


def test_planted_revenue_events_are_exact_to_the_yen(decided: duckdb.DuckDBPyConnection, built_home: Home) -> None:
    """Returns in the next fiscal year, re-opened deals, split branches: exactly the events of the planted deals."""
    facts = "deal_id, recognized_on, amount::decimal(18, 2) as amount, branch_id, branch_id_current"
    truth = f"select {facts} from read_csv('{built_home.truth / 'events.csv'}')"
    found = f"select {facts} from attribution.current_credit where deal_id in (select deal_id from ({truth}))"
    differences = decided.execute(
        f"""(select 'missing', * from ({truth} except all {found})) union all
            (select 'too many', * from ({found} except all {truth}))"""
    ).fetchall()
    assert differences == []
