"""What a careless query answers to the questions of docs/questions.md, and what their answers must not contain.

For each question a plausible wrong fact, such as a figure of the running period, a merged branch, a rate of a few
deals, or direct sales as a branch. A careless query of the same release gives it: the query of the page without one of
its conditions, or a query that somebody might write without the page.
"""

from typing import Any

import duckdb
import pytest

from tests.dbt.test_questions import ABROAD, FEW, LEAK, MANY, NEW, QUERIES, M, answer, day, lacking, release

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
    # Contactable in December; and the day after the last one.
    "Who can be contacted today": [
        ({"member_id": "R000118"}, "\n    and people.month = (select max(month) from kpi.rep_flow_people)", ""),
        (
            {"member_id": f"{FEW}-R1", "contactable_until": day("2026-06-22")},
            """select rep_id as member_id, max(occurred_on) + 90 as contactable_until from core.fct_attendance
            where is_two_way_touch group by rep_id""",
        ),
    ],
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
        ),
        ({"branch_id": "UNKNOWN:TRAP08"}, "where not branches.is_sentinel\n", ""),
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
    # Two of three partners.
    "R-S4-09": [
        (
            {"cut": "area", "cut_value": "中国", "fit_rate": pytest.approx(2 / 3)},
            " fit_rate, interval_low", " fit_rate_numerator / fit_rate_denominator as fit_rate, interval_low",
        )
    ],
    # It asked in June, too, but has a contract since October.
    "recruit next": [
        (
            {"prospect_type": "partner", "prospect_id": "KNOWN2"},
            """select 'partner' as prospect_type, partner_id as prospect_id from core.dim_partner
            where contract_started_on > date '2025-04-05'""",
        )
    ],
    # It agreed before it joined; other branches of the programme did not.
    "R-S0-19": [
        (
            {"programme_id": "PG1", "branch_id": "B00008"},
            "coalesce(members.agreed_on > members.joined_on, true)", "programmes.branches_agreed < programmes.branches",
        )
    ],
    # All that the branch has won since it joined.
    "R-S4-17": [
        (
            {"programme_id": "PG1", "branch_id": "B00001", "linked_wins": 7},
            """select members.programme_id, members.branch_id, count(*) as linked_wins
            from plan.programme_branches as members inner join core.fct_deals as deals
                on members.branch_id = deals.branch_id and deals.won_on >= members.joined_on
            where deals.is_counted group by all""",
        )
    ],
    # Each lead is also in the rows of its branch, division and partner. One of two leads became a deal.
    "R-S4-18": [
        (
            {"scope": "company", "leads_supplied": 144},
            "select 'company' as scope, sum(leads_supplied) as leads_supplied from plan.lead_supply where is_mature",
        ),
        (
            {"entity_id": "B00012", "deal_rate": 0.5},
            "case when sum(leads_supplied) >= 5 then sum(lead_deals) * 1.0 / sum(leads_supplied) end as deal_rate",
            "sum(lead_deals) * 1.0 / sum(leads_supplied) as deal_rate",
        ),
    ],
    "R-S4-19": [({"horizon": "long", "fiscal_year": YEAR}, "    where months.is_complete\n", "")],
    # With direct sales.
    "R-S4-25": [
        (
            {"fiscal_year": 2025, "partner_sales": 975_091_716},
            """select fiscal_year, sum(won_amount) as partner_sales from kpi.company_monthly where is_complete
            group by fiscal_year""",
        )
    ],
    # Revenue as margin. The whole deal for each of two programmes.
    "R-S4-27": [
        (
            {"programme_id": "KNOWN-PG1", "benefit": 50 * M},
            """select members.programme_id, sum(revenue.amount) as benefit
            from core.fct_leads as members inner join core.fct_revenue as revenue using (deal_id)
            where revenue.is_counted group by members.programme_id""",
        ),
        (
            {"programme_id": "PG2", "basis": "margin", "benefit": 5_094_000},
            "basis, benefit, expected", "basis, revenue as benefit, expected",
        )
    ],
    "What does a programme cost": [({"programme_id": "PG1", "month": RUNNING}, "where is_complete\n", "")],
    # A year of five days. The only customer who could renew did so.
    "R-S4-28": [
        ({"entity_id": "KNOWN", "won_amount": 0}, " where is_complete)", ")"),
        (
            {"entity_id": "P0003", "renewal_rate": 1},
            " renewal_rate, renewal", " renewal_rate_numerator / renewal_rate_denominator as renewal_rate, renewal",
        ),
    ],
    # A plan that is over.
    "R-S0-01": [({"plan_id": "KNOWN-PLAN"}, " and period_end >= (select as_of from ops.release)", "")],
    "R-S0-02": [
        (
            {"entity_id": NEW, "fiscal_year": YEAR},
            "where is_complete and fiscal_year = (select max(fiscal_year) from plan.plan_coverage where is_complete)",
            "where fiscal_year = (select max(fiscal_year) from plan.plan_coverage)",
        )
    ],
    # The target of twelve months, three of which have passed.
    "R-S0-06": [
        (
            {"goal_id": "KNOWN-PLAN-LEAK-won_amount", "variance_to_date": -45 * M},
            "actual_to_date - target_to_date", "actual_to_date - plan_target",
        )
    ],
    # A month of five days, and meetings of an unknown branch.
    "R-S0-09": [
        ({"scope": "company", "month": RUNNING}, " and is_complete and", " and"),
        ({"scope": "branch", "entity_id": "UNKNOWN:P0011"}, "\n    and entity_id not like 'UNKNOWN:%'", ""),
    ],
    # A straight line, before the seasons of March and September.
    "R-S0-12": [
        (
            {"plan_id": "KNOWN-PLAN-LEAK", "pacing": pytest.approx(10 / 55 * 12 / 3)},
            "attainment, pacing", "attainment, actual_to_date / plan_target * 12 / 3 as pacing",
        )
    ],
    # What nobody could know when the plan was made.
    "R-S0-16": [
        (
            {"plan_id": "KNOWN-PLAN-MANY", "feasibility_index": pytest.approx(420 / 400)},
            """select plans.plan_id, plans.target_amount / months.actual_to_date as feasibility_index
            from plan.account_plans as plans inner join plan.plan_progress as months on plans.plan_id = months.plan_id
            where plans.is_current and months.is_current and months.metric = 'won_amount'""",
        )
    ],
    # Drafts.
    "R-S0-17": [({"plan_id": "KNOWN-PLAN-FEW"}, "where is_current", "where is_latest")],
    "R-S0-18": [({"action_id": "PL2022-B00001-A3"}, "is_agreed and ", "")],
    "How many actions are done in time": [
        (
            {"entity_id": "B00001", "action_on_time_denominator": 24},
            """select entity_id, count(*) as action_on_time_denominator
            from plan.plan_actions cross join ops.release where due_on <= as_of group by entity_id""",
        )
    ],
    # What the remaining nine months are to bring is not behind.
    "R-S0-20": [
        (
            {"goal_id": "KNOWN-PLAN-LEAK-won_amount", "shortfall": 45 * M},
            " shortfall, remaining_target", " remaining_target as shortfall, remaining_target",
        )
    ],
    # Only one of two deals states its commission. What has no known branch is not a branch.
    "R-S0-21": [
        (
            {"entity_id": FEW, "fiscal_year": 2025, "fiscal_quarter": "Q2", "partner_earnings": 15 * M},
            " partner_earnings,", " known_earnings as partner_earnings,",
        ),
        ({"scope": "branch", "entity_id": "UNKNOWN:TRAP20"}, " and entity_id not like 'UNKNOWN:%'", ""),
    ],
    # A draft, and a half-year by the target of the year.
    "How did a plan go": [
        ({"plan_id": "KNOWN-PLAN-FEW"}, "select plan_id from plan.account_plans where period_end <= '2026-04-05'"),
        (
            {"plan_id": "KNOWN-PLAN-MANY", "period_type": "half", "review_attainment": pytest.approx(199.5 / 420)},
            """select reviews.plan_id, reviews.period_type,
                reviews.review_actual_amount / plans.target_amount as review_attainment
            from plan.plan_review as reviews inner join plan.account_plans as plans
                on reviews.plan_id = plans.plan_id and plans.is_current""",
        ),
    ],
    # A branch that doubled its sales does so again; a branch that closed.
    "budget of the next year": [
        (
            {"entity_id": branch, "proposed_amount": amount},
            """select branch_id as entity_id, sum(case when fiscal_year = 2025 then won_amount end)
                * sum(case when fiscal_year = 2025 then won_amount end)
                / nullif(sum(case when fiscal_year = 2024 then won_amount end), 0) as proposed_amount
            from kpi.branch_monthly where is_complete group by branch_id""",
        )
        for branch, amount in ((MANY, 800 * M), (CLOSED, None))
    ],
    # The same business in the plans of branches and of divisions.
    "R-S2-07": [
        (
            {"plan_id": "PL2025-P0001", "child_plan_target": 181_683_000},
            """select plan_id, sum(child_plan_target) as child_plan_target from plan.plan_reconciliation
            group by plan_id""",
        )
    ],
    # The target of the year, and a branch that closed two years ago.
    "R-S4-26": [
        (
            {"branch_id": MANY, "fiscal_quarter": "Q4", "quarter_target_amount": 420 * M},
            """select pack.branch_id, pack.fiscal_quarter, plans.target_amount as quarter_target_amount
            from plan.qbr_pack as pack inner join plan.account_plans as plans
                on pack.branch_id = plans.branch_id and plans.is_current
            where pack.period_start between plans.period_start and plans.period_end""",
        ),
        ({"branch_id": "B00014"}, "coalesce(branches.closed_on, date '9999-12-31')", "date '9999-12-31'"),
    ],
    "had a business review": [({"entity_id": NEW, "fiscal_year": YEAR}, "where is_complete\n", "")],
    # Half a year is left.
    "R-S4-32": [({"decision_id": "KNOWN-DC3", "is_met": False}, " is_met\n", " coalesce(is_met, false) as is_met\n")],
    # Four wins are more than three, which may be chance.
    "R-S4-30": [
        (
            {"entity_id": FEW, "proposed_phase": "growth"},
            """select branch_id as entity_id, 'growth' as proposed_phase from segment.branch_segments
            where is_over and period_start = '2025-10-01' and deals_won_t12m > 3""",
        )
    ],
    "R-S1-02": [({"branch_id": FEW, "profile_age_days": 369}, " where is_over)", ")")],
    # Potential plus result: the branch that sells most already.
    "R-S1-03": [
        (
            {"branch_id": MANY, "support_priority": 1},
            """select branch_id, rank() over (order by potential_score + result desc nulls last) as support_priority
            from segment.branch_segments where is_over and period_start = '2025-10-01'""",
        )
    ],
    # One-off deals.
    "R-S1-04": [
        (
            {"branch_id": FEW, "recurring_amount_t12m": 400 * M},
            " recurring_amount_t12m,", " won_amount_t12m as recurring_amount_t12m,",
        )
    ],
    # Five days of a half-year.
    "R-S1-05": [
        (
            {"branch_id": "B00008", "observed_mode": "none"},
            "is_over\n    and period_start = (select max(period_start) from segment.branch_segments where is_over)",
            "period_start = (select max(period_start) from segment.branch_segments)",
        )
    ],
    # Nobody has reported it; a branch that closed in March.
    "R-S1-07": [
        (
            {"branch_id": LEAK, "feature": "customer_count", "reported_value": 0},
            " parts.reported_value,", " coalesce(parts.reported_value, 0) as reported_value,",
        ),
        ({"branch_id": "B00026"}, "inner join segment.branch_segments", "left join segment.branch_segments"),
    ],
    # The year after this half-year still runs.
    "R-S1-08": [
        (
            {"cutoff_on": day("2025-09-30"), "score_bin": 0, "producing": 9},
            """select segments.period_end as cutoff_on, 0 as score_bin, count(distinct deals.branch_id) as producing
            from segment.branch_segments as segments left join core.fct_deals as deals
                on segments.branch_id = deals.branch_id and deals.is_counted and deals.won_on > segments.period_end
                and segments.potential_score is not null
            where segments.is_over group by segments.period_end""",
        )
    ],
    # The interval contains 0.
    "Which features": [
        (
            {"feature": "sells_competitor", "evidence": "some"},
            " evidence,", " case when abs(correlation) > 0.05 then 'some' else 'none' end as evidence,",
        )
    ],
    "R-S1-09": [({"fiscal_year": YEAR}, " and is_over", "")],
    # No win in the half-year, but one in the half-year before.
    "have potential and no result yet": [
        (
            {"branch_id": "B00033"},
            """select branch_id from segment.branch_segments where is_over and period_start = '2025-10-01'
                and potential_score >= potential_cut and branch_id not in (
                    select branch_id from core.fct_deals where won_on >= '2025-10-01'
                )""",
        )
    ],
    # One of four branches, and a month of five days.
    "R-S1-12": [
        (
            {"month": day("2026-03-01"), "activation_rate": 0.25},
            " activation_rate,", " activation_rate_numerator / activation_rate_denominator as activation_rate,",
        ),
        ({"month": RUNNING}, "where is_complete\n", ""),
    ],
    # Only the line between high and low has moved.
    "R-S1-13": [
        (
            {
                "fiscal_year": 2025, "fiscal_half": "H2", "from_segment": "high_potential_with_result",
                "from_redefined": "low_potential_with_result", "is_moved": True,
            },
            " is_moved,", " from_segment != to_segment as is_moved,",
        )
    ],
    # Each branch is also in the rows of its division and its partner.
    "R-S1-14": [
        (
            {"entity_id": "ALL", "branches": 510},
            """select 'ALL' as entity_id, sum(branches) as branches from segment.segment_rollup
            where period_start = '2025-10-01'""",
        )
    ],
    # More deals than before, but fewer than at comparable branches; and neither may be more than chance.
    "R-S0-13": [
        (
            {"action_type": "study_session", "action_effect": pytest.approx(0.0093, abs=1e-4)},
            " action_effect,", " deals_after - deals_before as action_effect,",
        ),
        (
            {"action_type": "study_session", "proposal": "stop"},
            "verdict, proposal", "verdict, case when action_effect < 0 then 'stop' else 'keep' end as proposal",
        ),
    ],
    # A branch that closed in March.
    "account manager support this week": [
        (
            {"branch_id": "B00026"},
            """select branch_id, next_action from core.fct_activities
            where next_action is not null and next_action_done_on is null""",
        )
    ],
    # The 90 days have just begun.
    "What came of": [
        (
            {"worklist_on": day("2026-03-30"), "deals_within_90_days": 0},
            "case when max(activities.occurred_on) + 90 <= release.as_of then count(distinct deals.deal_id) end as",
            "count(distinct deals.deal_id) as",
        )
    ],
    # Each hour is also in the rows of the division and the partner.
    "R-S0-10": [
        (
            {"fiscal_year": 2025, "fiscal_period": "Q4", "support_hours": pytest.approx(4 * 93.5833, abs=0.01)},
            """select fiscal_year, fiscal_period, sum(support_hours) as support_hours from segment.support_effort
            where period_type = 'quarter' group by all""",
        )
    ],
    "R-S4-10": [({"branch_id": "B00020", "fiscal_year": YEAR}, " and is_complete", "")],
    "R-S4-14": [({"staff_id": "S0006", "fiscal_year": YEAR}, "where is_complete\n", "")],
    # A call is no meeting.
    "R-S4-20": [
        (
            {"branch_id": MANY, "fiscal_year": 2025, "fiscal_period": "Q1", "meetings": 2},
            " meetings, meeting", " activities as meetings, meeting",
        )
    ],
    # Only of the meetings.
    "R-S4-22": [
        (
            {"branch_id": MANY, "fiscal_year": 2025, "fiscal_period": "Q1", "logging_coverage": 1},
            """select branch_id, 2025 as fiscal_year, 'Q1' as fiscal_period,
                avg(case when note is not null then 1 else 0 end) as logging_coverage
            from core.fct_activities where is_meeting and occurred_month between '2025-04-01' and '2025-06-01'
            group by branch_id""",
        )
    ],
    # The call was cancelled.
    "R-S2-18": [
        ({"occurred_on": day("2026-03-09"), "branch_id": "B00012", "note": "案件相談"}, " and status = 'held'", "")
    ],
    # The division has given half of it to another one.
    "R-S2-16": [
        (
            {
                "division_id": "IMPLICIT:TRAP27", "fiscal_year": 2024, "fiscal_period": "Q2",
                "won_amount": 1_200_000,
            },
            "kpi.division_monthly_as_is", "kpi.division_monthly",
        )
    ],
    # Four deals of the branch itself.
    "R-S2-02": [
        ({"sister_branch_id": FEW}, " and mine.branch_id != sisters.branch_id", ""),
    ],
    # One win is no success that others should copy.
    "R-S2-09": [
        (
            {"product_id": "PR01", "source_branch_id": "B00001"},
            """select source.product_id, source.branch_id as source_branch_id, target.branch_id as target_branch_id
            from segment.branch_products as source inner join core.dim_branch as target
                on source.partner_id = target.current_partner_id and source.branch_id != target.branch_id
            where source.branch_deals_won > 0""",
        )
    ],
    # Half a year is not over. None of two is no rate.
    "How often did rollouts succeed": [
        (
            {"target_branch_id": "B00045", "shared_on": day("2026-03-05"), "outcome": "failed"},
            " rollouts.outcome,", " case when rollouts.first_won_on is null then 'failed' end as outcome,",
        ),
        (
            {"shared_on": day("2026-03-05"), "rollout_success": 0},
            " success.rollout_success,",
            " success.rollout_success_numerator / success.rollout_success_denominator as rollout_success,",
        ),
    ],
    # Its only case may not be shared.
    "R-S2-14": [
        (
            {"entity_id": LEAK, "bridge_rate": 0},
            " bridge_rate, case", " coalesce(bridge_rate, 0) as bridge_rate, case",
        )
    ],
    # A sister branch has the case, and has not won since.
    "R-S2-17": [
        (
            {"issue_id": "KNOWN-ISSUE", "rollouts_succeeded": 1},
            " rollouts_succeeded,", " rollouts as rollouts_succeeded,",
        )
    ],
    # A branch that closed in October.
    "R-S0-05": [
        ({"branch_id": MERGED}, "coalesce(branches.closed_on, date '9999-12-31')", "date '9999-12-31'"),
    ],
    # One of the three who have won has left.
    "R-S0-15": [
        (
            {"branch_id": FEW, "champions": 3},
            """select branch_id, count(distinct rep_id) as champions from kpi.rep_monthly where deals_won > 0
            group by branch_id""",
        )
    ],
    # The head before.
    "Who are the key people": [
        (
            {"branch_id": "B00032", "rep_id": "R000149", "role": "branch_head", "is_current": True},
            " is_current,", " true as is_current,",
        )
    ],
    # An executive came to a review, but nobody has rated the relationship.
    "R-S2-15": [
        (
            {"partner_id": "KNOWN3", "executive_level": 2},
            " executive_level,",
            " coalesce(executive_level, case when executive_meetings > 0 then 2 end) as executive_level,",
        )
    ],
    # The only branch there, which has won nothing there.
    "R-S4-13": [
        (
            {"prefecture": "海外", "local_leader": ABROAD},
            "case when regional_share >= 0.2 then branch_id end as", "branch_id as",
        )
    ],
    # One partner has ended its contract without a win.
    "R-S4-31": [
        (
            {"industry": "unknown", "partners": 2},
            "where not partners.is_sentinel", "where not partners.is_sentinel and partners.contract_ended_on is null",
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
