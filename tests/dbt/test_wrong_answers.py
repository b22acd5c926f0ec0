"""What a careless query answers to the questions of docs/questions.md, and what their answers must not contain.

For each question a plausible wrong fact, such as a figure of the running period, a merged branch, a rate of a few
deals, or direct sales as a branch. A careless query of the same release gives it: the query of the page without one of
its conditions, or a query that somebody might write without the page.
"""

from typing import Any

import duckdb
import pytest

from tests.dbt.test_questions import FEW, LEAK, MANY, QUERIES, M, answer, day, lacking, release

__all__ = ["release"]
Fact = dict[str, Any]
RUNNING, YEAR = day("2026-04-01"), 2026
MERGED = "B00023"  # closed within the fiscal year; has a successor
CLOSED = "TRAP18-NARA"  # closed without a successor
MARCH = 330.5 * M  # what KNOWN won in March, and in the quarter
AS_IS, AS_WAS = "kpi.branch_monthly_as_is", "kpi.branch_monthly"
NO_SENTINEL = "\n    and not branches.is_sentinel"
NO_SPECIAL = " and entity_id not in ('DIRECT', 'UNRESOLVED')"

# By question: a wrong fact, a text of the query, and what replaces it; or a wrong fact and a whole query.
WRONG: dict[str, list[tuple[Fact, str, str] | tuple[Fact, str]]] = {
    # A quarter as the year.
    "R-S3-01": [({"entity_id": "KNOWN", "fiscal_year": 2025, "won_amount": MARCH}, "period_type = 'year' and ", "")],
    "R-S3-02": [({"branch_id": MERGED, "deals_new": 1}, AS_IS, AS_WAS), ({"branch_id": "DIRECT"}, NO_SENTINEL, "")],
    # A correlation of 0.12 of 47 pairs may be chance.
    "R-S3-03": [
        ({"partner_id": "KNOWN", "n": 96}, "    where is_complete\n", ""),
        ({"partner_id": "P0010", "evidence": "strong"}, ">= 1.96", "> 0"),
    ],
    "R-S3-04": [
        ({"entity_id": "KNOWN", "fiscal_year": 2025, "change_amount": 130.5 * M}, "period_type = 'year' and ", "")
    ],
    "R-S3-05": [({"originating_rep_id": "NONE"}, " and not reps.is_sentinel", "")],
    # The wins of all years, and wins without a salesperson.
    "What did the salespeople win": [
        (
            {"rep_id": f"{MANY}-R01", "deals_won": 2, "won_amount": 128_500_000},
            "select max(fiscal_year)", "select min(fiscal_year)",
        ),
        ({"rep_id": "NONE"}, "not reps.is_sentinel and ", ""),
    ],
    # Study sessions of a fiscal year of five days.
    "R-S3-07": [({"branch_id": FEW, "reps_trained": 0}, "where is_complete)", ")")],
    # What was reported the year before.
    "R-S3-08": [
        (
            {"entity_id": "KNOWN3-NEW", "fiscal_year": YEAR, "headcount_known": 1},
            """select branch_id as entity_id, fiscal_year, max(case when headcount > 0 then 1 end) as headcount_known
            from kpi.branch_monthly group by branch_id, fiscal_year""",
        )
    ],
    # Today's branch of a rep who moved.
    "R-S3-09": [
        (
            {"rep_id": "TRAP01-R1", "branch_id": "TRAP01-OSAKA", "deals_won": 3, "won_amount": 1_800_000},
            """select months.rep_id, reps.current_branch_id as branch_id, sum(months.deals_won) as deals_won,
                sum(months.won_amount) as won_amount
            from kpi.rep_monthly as months inner join core.dim_rep as reps on months.rep_id = reps.rep_id
            group by months.rep_id, reps.current_branch_id""",
        )
    ],
    # Direct sales are no partner, and the whole is what partners sold.
    "R-S3-10": [
        (
            fact,
            """select partner_id, sum(amount) / sum(sum(amount)) over () as partner_share from core.fct_revenue
            where is_counted and recognized_month between '2025-04-01' and '2026-03-01' group by partner_id""",
        )
        for fact in ({"partner_id": "DIRECT"}, {"partner_id": "KNOWN", "partner_share": pytest.approx(0.82, abs=0.01)})
    ],
    # Everybody who has not won as headroom, and advice for a closed branch.
    "R-S3-11": [
        (
            {"branch_id": FEW, "headroom_reps": 17},
            "reps.headroom_reps,", "reps.headcount - reps.producing_reps as headroom_reps,",
        ),
        ({"branch_id": CLOSED}, " and reps.lever_evidence is not null", ""),
    ],
    "partner's branches work on": [({"partner_id": "KNOWN", "lever": None}, " and levers.lever is not null", "")],
    # The rep has left the branch. No roster says that this rep left the partner.
    "R-S3-12": [
        (
            {"partner_id": "KNOWN", "revenue_at_risk": 0},
            """select months.partner_id, sum(case when reps.left_on > '2000-01-01' then won_amount else 0 end)
                as revenue_at_risk
            from kpi.rep_monthly as months inner join core.dim_rep as reps on months.rep_id = reps.rep_id
            group by months.partner_id""",
        )
    ],
    # A producer without a new deal for six months, who has left.
    "R-S3-14": [
        (
            {"rep_id": f"{FEW}-R2", "reason": "producer_lapsed"},
            """select rep_id, 'producer_lapsed' as reason from kpi.rep_monthly
            where month >= '2025-04-01' group by rep_id
            having sum(deals_won) > 0 and sum(case when month >= '2025-10-01' then deals_new else 0 end) = 0""",
        )
    ],
    "R-S3-15": [({"member_id": "R000242", "flow": "gained"}, "where is_complete)", ")")],
    # This branch never brought more than a few deals a year.
    "quietly dying": [({"entity_id": MANY}, " and evidence != 'none'", "")],
    # Direct sales have no salesperson of a partner. Where the branch is unknown, that is the first question.
    "Which wins lack a salesperson": [
        ({"deal_id": deal}, "select deal_id from core.fct_deals where status = 'won' and rep_id = 'NONE'")
        for deal in ("KNOWN-DIRECT-1", "TRAP10-A")
    ],
    # More than half of this rep's deals close a few days after the date, as everywhere.
    "close later than expected": [
        (
            {"scope": "rep", "entity_id": "R000004"},
            """select 'rep' as scope, rep_id as entity_id from core.fct_deals
            where is_counted and expected_close_on is not null and closed_on > '2025-03-31' group by rep_id
            having avg(case when closed_on > expected_close_on then 1 else 0 end) > 0.5""",
        )
    ],
    # As many branches as an average would need, of which the few large ones sell already.
    "R-S3-16": [
        (
            {"entity_id": "P0002", "basis": "today", "is_reachable": True},
            "is_reachable\n", "open_branches >= branches_needed as is_reachable\n",
        )
    ],
    # Only the vendor sold to customers there, but a branch there won elsewhere.
    "R-S4-01": [({"prefecture": "北海道"}, "not is_covered", "customers_won_amount_indirect = 0")],
    # Eight of 32 against six of fourteen may be chance.
    "R-S4-02": [({"product_id": "PR10"}, "distance <= -1.282", "gap < 0")],
    "R-S4-03": [({"month": RUNNING}, " and actual is not null", "")],
    # A month, where twelve months are meant.
    "R-S4-04": [
        (
            {"entity_id": "KNOWN", "label": "Won amount", "actual": MARCH},
            "scores.actual,", "scores.month_actual as actual,",
        )
    ],
    # Four wins of four.
    "R-S4-07": [
        (
            {"branch_id": FEW, "self_run_ratio": 1},
            """select entity_id as branch_id, self_run_ratio_numerator / self_run_ratio_denominator as self_run_ratio
            from kpi.performance where scope = 'branch' and month = '2026-03-01' and self_run_ratio_denominator > 0""",
        )
    ],
    # Branches that have closed, too.
    "R-S4-08": [
        (
            {"industry": "卸売・小売", "contracted": 123},
            "coalesce(today.closed_on, date '9999-12-31')", "date '9999-12-31'",
        )
    ],
    "new branches": [({"month": RUNNING}, "where is_complete\n", "")],
    # Six inquiries, where 0.08 were expected.
    "R-S4-11": [
        ({"fiscal_year": YEAR, "fiscal_half": "H1"}, "where is_complete\n", ""),
        (
            {"industry": "農林水産", "fiscal_half": "H1", "inquiry_index": pytest.approx(73.2)},
            "expected_inquiries,\n    inquiry_index",
            "expected_inquiries, inquiries / expected_inquiries as inquiry_index",
        ),
    ],
    # The distributor instead of the reseller that it sold to.
    "R-S4-12": [
        (
            {"distributor_id": "TRAP09D", "branch_id": "UNKNOWN:TRAP09D"},
            "select distributor_id, 'UNKNOWN:' || distributor_id as branch_id from kpi.two_tier_monthly",
        )
    ],
    # Half of all stays are longer than the median.
    "R-S4-15": [
        (
            {"entity_type": "branch", "label": "Dormant", "stuck": 75},
            "where is_stuck", "where dwell_days > usual_days",
        )
    ],
    # Nineteen names, of whom one has left.
    "R-S4-16": [
        (
            {"partner_id": "KNOWN", "reps_known": 19},
            "select partner_id, count(*) as reps_known from core.dim_rep group by partner_id",
        )
    ],
    "R-S4-21": [({"month": RUNNING, "deals_won": 0}, " and is_complete", "")],
    # Two branches of one partner.
    "R-S4-23": [
        (
            {"deal_id": "D00000678", "other_deal_id": "D00000684"},
            """select one.deal_id, other.deal_id as other_deal_id
            from core.fct_deals as one inner join core.fct_deals as other
                on one.customer_id = other.customer_id and one.branch_id != other.branch_id
            where one.deal_id < other.deal_id and one.created_on < other.closed_on
                and other.created_on < one.closed_on""",
        )
    ],
    "R-S4-24": [
        (
            {"fiscal_year": YEAR},
            "where is_complete\ngroup by fiscal_year\nhaving count(*) = 12", "group by fiscal_year",
        )
    ],
    "R-S4-29": [({"channel": "direct", "deals_new": 129}, "select max(fiscal_year)", "select min(fiscal_year)")],
    "R-S0-07": [({"branch_id": CLOSED}, "coalesce(branches.closed_on, date '9999-12-31')", "date '9999-12-31'")],
    # A running year without an actual, and a month compared with the target of a year.
    "R-S0-08": [
        ({"entity_id": "KNOWN", "metric": "won_amount", "actual": None}, "where is_complete\n", ""),
        (
            {"entity_id": "KNOWN", "metric": "won_amount", "target": 1_200 * M, "actual": MARCH},
            """select path.entity_id, path.metric, path.target, months.won_amount as actual from kpi.target_path as path
            inner join kpi.partner_monthly as months on path.entity_id = months.partner_id and path.month = months.month
            where path.metric = 'won_amount'""",
        ),
    ],
    # Two of ten may be bad luck.
    "R-S0-11": [({"branch_id": LEAK}, "losses.is_bottleneck", "losses.pass_rate < losses.reference_rate")],
    "R-S0-14": [({"branch_id": MERGED}, AS_IS, AS_WAS), ({"branch_id": "DIRECT"}, NO_SENTINEL, "")],
    # Branches that have closed, too.
    "R-S2-01": [
        (
            {"branches_contracted": 188},
            "select count(*) as branches_contracted from core.dim_branch where not is_sentinel",
        )
    ],
    # Direct sales as deals of an unknown branch.
    "R-S2-03": [
        (
            {"fact": "fct_deals", "unknown_branch": 224},
            "facts.branch_id like 'UNKNOWN:%'",
            "facts.branch_id in (select branch_id from core.dim_branch where is_sentinel)",
        )
    ],
    # Direct sales have no branch, so none is unknown. One of eight branches was merged into another.
    "R-S2-04": [
        ({"partner_id": "DIRECT", "of_unknown_branches": 145_932_432}, " and months.branch_id != 'DIRECT'", ""),
        ({"partner_id": "P0001", "branches": 8}, AS_IS, AS_WAS),
    ],
    "R-S2-08": [
        (
            {"branch_id": MERGED},
            """select deals.branch_id, customers.prefecture from core.fct_deals as deals
            inner join core.dim_customer as customers on deals.customer_id = customers.customer_id where is_counted""",
        )
    ],
    # All evidence, not what decided.
    "R-S2-10": [
        ({"rung": "L7", "evidence_code": "E10", "deals": 125}, "deals.rung = evidence.rung and ", "")
    ],
    # Today's branch of a rep who moved.
    "R-S2-11": [
        (
            {"deal_id": "TRAP01-A", "branch_name": "大阪支店"},
            """select deals.deal_id, branches.branch_name from core.fct_deals as deals
            inner join core.dim_rep as reps on deals.rep_id = reps.rep_id
            inner join core.dim_branch as branches on reps.current_branch_id = branches.branch_id""",
        )
    ],
    # The day on which it was entered.
    "R-S2-12": [
        (
            {"happened_on": day("2025-12-05"), "event_type": "study_session"},
            "happened_on, known_on", "coalesce(known_on, happened_on) as happened_on, known_on",
        )
    ],
    # With three direct deals, which have no branch to find.
    "R-S2-13": [
        (
            {"month": day("2024-09-01"), "partner_deals": 17},
            """select cast(date_trunc('month', credit_on) as date) as month, count(*) as partner_deals
            from core.fct_deals group by all""",
        )
    ],
    # A year of five days; a branch without what its predecessor won.
    "Year on year": [
        ({"branch_id": FEW, "this_year": 0}, "    where is_complete\n", ""),
        ({"branch_id": "TRAP06-OSAKA", "year_before": 600_000}, AS_IS, AS_WAS),
    ],
    # Two deals at two partners that are one.
    "Which open deals have not moved": [
        ({"deal_id": "TRAP11-C"}, "select deal_id from core.fct_deals where status = 'open'")
    ],
    # The registration expired without an answer.
    "Which registrations have waited": [
        ({"registration_id": "RN00000112"}, "where is_late", "where approved_on is null")
    ],
    "still come in": [({"branch_id": "DIRECT"}, "where channel_class != 'direct'\n", "")],
    # Four deals.
    "How large is a deal when": [
        (
            {"entity_id": FEW, "avg_first_win": 100 * M}, "sizes.avg_first_win,",
            "sizes.avg_first_win_numerator / sizes.avg_first_win_denominator as avg_first_win,",
        )
    ],
    # A branch that closed in March.
    "Which branches might have helped": [
        (
            {"deal_id": "D00000546", "branch_id": "B00026"},
            """select deals.deal_id, branches.branch_id from core.fct_deals as deals
            inner join core.dim_customer as customers on deals.customer_id = customers.customer_id
            inner join core.dim_branch as branches on customers.prefecture = branches.prefecture
            where deals.status = 'lost'""",
        )
    ],
    # A forecast of less than one win, and one whose time is over.
    "Where do we end": [
        ({"entity_id": "DIRECT"}, NO_SPECIAL, ""),
        ({"entity_id": "KNOWN2"}, " and forecast_wins >= 5", ""),
        ({"entity_id": "KNOWN", "ends_on": day("2026-03-31")}, "is_current and ", ""),
    ],
    # Twenty wins, where seventeen were expected, may be chance.
    "Whose forecast": [
        ({"entity_id": "DIRECT"}, NO_SPECIAL, ""),
        (
            {"entity_id": "KNOWN", "versus_reference": "above"},
            "versus_reference\n", "case when wins_ratio > 1 then 'above' else 'below' end as versus_reference\n",
        ),
    ],
    # A deal moved between two branches.
    "The figure was another one before": [
        (
            {"scope": "company", "cause": "corrected"},
            "select 'company' as scope, cause from kpi.change_deals where pair = 'extract' and measure = 'won_amount'",
        )
    ],
}  # fmt: skip


def careless(release: duckdb.DuckDBPyConnection, question: str, texts: tuple[str, ...]) -> list[dict[str, Any]]:
    """Run the query of the question with another text, or another query."""
    ((right,),) = [queries for title, queries in QUERIES.items() if question in title]
    if len(texts) == 2:
        assert texts[0] in right
    found = release.execute(right.replace(*texts) if len(texts) == 2 else texts[0])
    names = [column[0] for column in found.description or []]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def test_every_question_has_a_wrong_answer() -> None:
    assert [title for title in QUERIES if sum(code in title for code in WRONG) != 1] == []
    assert all(WRONG.values())


@pytest.mark.parametrize("question", WRONG)
def test_answer_contains_no_wrong_fact(release: duckdb.DuckDBPyConnection, question: str) -> None:
    rows = answer(release, question)
    for fact, *texts in WRONG[question]:
        assert lacking(careless(release, question, tuple(texts)), [fact]) == []
        assert lacking(rows, [fact]) == [fact]
        # It would be found in the answer, if it were there.
        assert lacking([*rows[1:], rows[0] | fact_values(fact)], [fact]) == []


def fact_values(fact: Fact) -> Fact:
    """Return the values of a fact, without the tolerance of a comparison."""
    return {name: getattr(value, "expected", value) for name, value in fact.items()}
