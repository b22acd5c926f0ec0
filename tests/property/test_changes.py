"""The effect of a change in the delivered rows: nothing moves, or exactly the expected deals."""

import itertools
from collections import defaultdict
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import examples, long
from tests.property.changes import HARMLESS, assigned_rep, decided_by_a_person
from tests.property.company import DAYS, SECOND, Company, companies
from tests.property.conftest import first_of
from tests.property.invariants import same_rows
from tests.property.workshop import Built, Workshop

Decision = tuple[object, ...]
# The columns of a decision. Weaker evidence may change the rep and the number of candidates, which are not included.
DECISION = ("branch_id", "branch_id_current", "partner_id", "rung", "reason", "credit_on")
MONTH_CLOSED = date(2025, 6, 1)  # the last closed month at the second extract

DELIVERED = (companies(),)
CHANGED = (companies(), st.sets(st.sampled_from(sorted(HARMLESS)), min_size=1), st.data())
TRANSFERRED = (companies(), st.lists(st.sampled_from(DAYS), min_size=2, max_size=2, unique=True), st.data())


def decisions(built: Built) -> dict[str, Decision]:
    """Return each deal's decision."""
    return {deal: tuple(row[column] for column in DECISION) for deal, row in built.of_deals().items()}


def money(built: Built, *keys: str) -> dict[tuple[object, ...], Decimal]:
    """Return revenue grouped by these columns."""
    sums: dict[tuple[object, ...], Decimal] = defaultdict(Decimal)
    for row in built["core.fct_revenue"]:
        sums[tuple(row[key] for key in keys)] += row["amount"] or 0
    return sums


def moved(before: Built, after: Built) -> set[str]:
    """Return the deals whose decision or money differs."""
    old, new = decisions(before), decisions(after)
    assert set(old) == set(new)
    paid, pays = (money(built, "deal_id", "branch_id", "recognized_on") for built in (before, after))
    by_money = {str(key[0]) for key in {*paid, *pays} if paid[key] != pays[key]}
    return {deal for deal in old if old[deal] != new[deal]} | by_money


def with_inheriting_deals(built: Built, deals: set[str]) -> set[str]:
    """Add the deals that may inherit from these deals, directly or indirectly."""
    parents = {row["deal_id"]: row["parent_deal_id"] for row in built["intermediate.int_deals"]}
    found = set(deals)
    while more := {deal for deal, parent in parents.items() if parent in found} - found:
        found |= more
    return found


@examples(1)
@given(*CHANGED)
def test_harmless_changes_move_nothing(
    workshop: Workshop, company: Company, names: set[str], data: st.DataObject
) -> None:
    workshop = workshop.deciding()
    before, changed = workshop.build(company), company.copy()
    aside = [HARMLESS[name](data.draw, changed, before) for name in sorted(names)]
    after = workshop.build(changed)
    assert moved(before, after) <= with_inheriting_deals(before, set[str]().union(*aside))
    if "helping participants" in names:
        assert len(after["attribution.influence"]) >= len(before["attribution.influence"])


@examples(1)
@given(companies(), st.integers(min_value=1))
def test_order_of_rows_files_and_threads_changes_no_row(workshop: Workshop, company: Company, seed: int) -> None:
    workshop = workshop.unguarded()
    lake = workshop.land(company)
    before, again = workshop.build_lake(lake), workshop.build_lake(lake, threads=4)
    shuffled = workshop.build(company, seed=seed)
    same_rows(before, again)
    same_rows(before, shuffled)


@examples(1)
@given(*TRANSFERRED)
def test_moving_a_transfer_moves_the_deals_between_the_dates(
    workshop: Workshop, company: Company, transfers: list[date], data: st.DataObject
) -> None:
    """A rep moves from one branch to another on the first day, or on the second."""
    workshop = workshop.deciding()
    rep = assigned_rep(data.draw, company)
    early, late = (workshop.build(rep.transferred(company, on)) for on in sorted(transfers))
    start, end = sorted(transfers)
    for built, on in ((early, start), (late, end)):
        for deal, credit_on in rep.own_deals.items():
            assert built.of_deals()[deal]["branch_id"] == rep.branches[credit_on >= on], deal
    between = {deal for deal, row in early.of_deals().items() if start <= row["credit_on"] < end}
    found = moved(early, late)
    assert found & set(rep.own_deals) == between & set(rep.own_deals)
    assert found <= with_inheriting_deals(early, between & rep.deals)


@examples(1)
@given(companies(), st.data())
def test_a_persons_decision_always_wins(workshop: Workshop, company: Company, data: st.DataObject) -> None:
    workshop = workshop.deciding()
    before, changed = workshop.build(company), company.copy()
    decided = decided_by_a_person(data.draw, changed)
    after = workshop.build(changed)
    for deal, branch in decided.items():
        if deal in after.of_deals():
            assert (after.of_deals()[deal]["rung"], after.of_deals()[deal]["branch_id"]) == ("L0", branch), deal
    assert moved(before, after) <= with_inheriting_deals(after, set(decided))


@examples(1)
@given(*DELIVERED)
def test_closed_months_change_only_by_restatements(workshop: Workshop, company: Company) -> None:
    workshop = workshop.deciding()
    home = workshop.land(company)
    state = home.lake / "known_credit" / "state.parquet"
    state_columns = f"date '{SECOND}' as known_on, date '{SECOND}' as as_of, cast(null as varchar) as step_cause"
    before = workshop.build_lake(
        home,
        known_on=SECOND,
        keep=f"copy (select *, {state_columns} from intermediate.int_known_credit) to '{state}' (format parquet)",
    )
    now = workshop.build_lake(home)
    restatements = now["attribution.restatements"]
    assert all(row["month"] <= MONTH_CLOSED and row["cause"] for row in restatements)
    known, knows = (money(built, "branch_id", "recognized_month") for built in (before, now))
    for row in restatements:
        known[row["from_branch_id"], row["month"]] -= row["from_amount"]
        known[row["to_branch_id"], row["month"]] += row["to_amount"]
    closed = {key for key in itertools.chain(known, knows) if key[0] and key[1] <= MONTH_CLOSED}  # type: ignore[operator]
    assert {key: known[key] for key in closed} == {key: knows[key] for key in closed}
    listed = {row["deal_id"] for row in restatements}
    for deal, row in before.of_deals().items():
        months = {r["recognized_month"] for r in before["core.fct_revenue"] if r["deal_id"] == deal}
        has_moved = now.of_deals().get(deal, {}).get("branch_id") != row["branch_id"]
        if has_moved and any(month <= MONTH_CLOSED for month in months):
            assert deal in listed, deal


# What is wrong → the model, the text in its SQL, the wrong text instead, and the property that must fail.
WRONG_SQL: dict[str, tuple[str, str, str, Callable[..., None], tuple[st.SearchStrategy[Any], ...]]] = {
    "a helper is credited": (
        "int_deal_signals",
        "coalesce(judged.role, '') in ('co_sell', 'implementer')",
        "coalesce(judged.role, '') in ('co_sell')",
        test_harmless_changes_move_nothing,
        (companies(), st.just({"helping participants"}), st.data()),
    ),
    "today's assignments are joined": (
        "int_deal_lookups",
        "unpacked.credit_on",
        "cast('2025-10-10' as date)",
        test_moving_a_transfer_moves_the_deals_between_the_dates,
        TRANSFERRED,
    ),
    "months are never closed": (
        "restatements",
        "cast(4 as bigint) * interval 1 day",
        "cast(4000 as bigint) * interval 1 day",
        test_closed_months_change_only_by_restatements,
        DELIVERED,
    ),
}


@pytest.mark.parametrize(
    "what", [pytest.param(what, marks=() if what == "today's assignments are joined" else long) for what in WRONG_SQL]
)
def test_wrong_sql_is_noticed(workshop: Workshop, what: str) -> None:
    model, right, wrong, test, strategies = WRONG_SQL[what]
    broken = workshop.with_sql(model, right, wrong)
    attempt = first_of(15)(given(*strategies)(test.hypothesis.inner_test))  # type: ignore[attr-defined]
    with pytest.raises(AssertionError):
        attempt(workshop=broken)
