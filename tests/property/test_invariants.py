"""The invariants of a single build, on generated companies; each check fails with wrong SQL."""

from collections.abc import Callable

import pytest
from hypothesis import given

from orchestration.home import Home
from tests.conftest import examples, long
from tests.property import invariants
from tests.property.company import DAYS, Company, companies
from tests.property.conftest import first_of
from tests.property.invariants import Facts
from tests.property.workshop import Built, Workshop

Invariant = Callable[[Facts, Built], None]


@examples(6)
@given(companies())
def test_a_built_company_keeps_the_invariants(workshop: Workshop, company: Company) -> None:
    invariants.all_invariants(company, workshop.build(company), DAYS)


def assignments(facts: Facts, built: Built) -> None:
    invariants.rep_has_one_branch(facts, built, DAYS)


# What is wrong → the model, the text in its SQL, the wrong text instead, and the invariant that must fail.
WRONG_SQL: dict[str, tuple[str, str, str, Invariant]] = {
    "an inner join drops special members": (
        "deal_attribution",
        'left join "kyoten"."core"."dim_branch" as branches on',
        'inner join "kyoten"."core"."dim_branch" as branches on not branches.is_sentinel and',
        invariants.one_decision_per_deal,
    ),
    "influence is summed with credit": (
        "fct_revenue",
        'left join "kyoten"."core"."fct_deals" as deals on',
        'left join (from "kyoten"."core"."fct_deals" union all select deals.* replace (helper.branch_id as branch_id)'
        ' from "kyoten"."core"."fct_deals" as deals inner join "kyoten"."attribution"."deal_evidence" as helper'
        " on deals.deal_id = helper.deal_id and helper.reason = 'INFLUENCE') as deals on",
        invariants.branch_money_is_the_ledger,
    ),
    "half a yen is rounded down": (
        "int_deals",
        "as decimal(28, 4)) * cast(",
        "as decimal(28, 4)) * 0.9999 * cast(",
        invariants.branch_money_is_the_ledger,
    ),
    "a remainder is lost": (
        "current_credit",
        "case when remainder_rank <= units_left then 1 else 0 end",
        "0",
        invariants.as_is_total_is_as_was,
    ),
    "today's organisation is joined": (
        "int_deal_lookups",
        "and (branches.closed_on is null or placed.credit_on < branches.closed_on)",
        "",
        invariants.credited_branch_was_open,
    ),
    "a gap is bridged a day too long": (
        "int_rep_posts",
        "occupied_until + cast(14 as bigint)",
        "occupied_until + cast(15 as bigint)",
        assignments,
    ),
    "a deleted deal is not listed": (
        "exclusions",
        "where is_deleted",
        "where false",
        invariants.exclusions_account_for_the_rest,
    ),
    "a reason is missing": (
        "quarantine",
        "from attribution where reason is not null",
        "from attribution where reason = 'TIE'",
        invariants.quarantine_gives_the_reason,
    ),
    "the weakest rung decides": (
        "int_leading_branches",
        "select deal_id, min(rung_order) as rung_order",
        "select deal_id, max(rung_order) as rung_order",
        invariants.stronger_evidence_decides,
    ),
    "days are in UTC": (
        "int_deals",
        "cast(deals.created_at + interval 9 hour as date) as created_on",
        "cast(deals.created_at as date) as created_on",
        invariants.credit_date_is_the_first_date,
    ),
    "the credited branch has influence, too": (
        "influence",
        "where involved.branch_id != attribution.branch_id",
        "",
        invariants.influence_is_never_credit,
    ),
}


@pytest.fixture(scope="module")
def landed(workshop: Workshop) -> list[tuple[Company, Home]]:
    """A few companies and their lakes, for the wrong SQL."""
    found: list[tuple[Company, Home]] = []

    @first_of(10)
    @given(companies())
    def land(company: Company) -> None:
        found.append((company, workshop.land(company, name=str(len(found)))))

    land()
    return found[2:]  # the first ones are almost empty


def holds(invariant: Callable[[], None]) -> bool:
    try:
        invariant()
    except AssertionError:
        return False
    return True


@pytest.mark.parametrize("what", [pytest.param(one, marks=long if n else ()) for n, one in enumerate(WRONG_SQL)])
def test_wrong_sql_breaks_its_invariant(workshop: Workshop, landed: list[tuple[Company, Home]], what: str) -> None:
    model, right, wrong, invariant = WRONG_SQL[what]
    broken = workshop.with_sql(model, right, wrong)
    broken = broken.unguarded() if invariant is invariants.branch_money_is_the_ledger else broken.crediting()
    assert not all(holds(lambda: invariant(Facts(company), broken.build_lake(home))) for company, home in landed)  # noqa: B023


@long
def test_dependence_on_the_order_of_rows_is_noticed(workshop: Workshop, landed: list[tuple[Company, Home]]) -> None:
    right, wrong = "history.entered_at,\n        case", "history.row_number,\n        case"
    broken = workshop.with_sql("int_stage_entries", right, wrong).crediting()
    assert not all(
        holds(lambda: invariants.same_rows(broken.build_lake(home), broken.build(company, seed=1)))  # noqa: B023
        for company, home in landed
    )
