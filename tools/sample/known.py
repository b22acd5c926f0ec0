"""Partners with known figures: for each question of docs/questions.md a fact from which the answer follows.

Two branches of 20 salespeople make 400 million each, one with 3 of them and one with 14. A third branch loses deals at
the last step of the funnel, which may be chance, and a fourth so many that it is not. tests/dbt/test_questions.py has
the answers. As in traps.py, no ordinary deal belongs to a planted organisation.
"""

from typing import Any

from tools.sample.calendar import AS_OF, DELTA_EXTRACTS, day, first_extract
from tools.sample.planted import DIRECT, Assignment, Planted

FEW, MANY, LEAK, ABROAD, NEW = "KNOWN-FEW", "KNOWN-MANY", "KNOWN2-LEAK", "KNOWN2-ABROAD", "KNOWN3-NEW"
PEER = "KNOWN4-NEW"  # four branches that are equally new
STALL = "KNOWN5-STALL"
INDUSTRY, PRODUCT = "農林水産", "PR90"  # used nowhere else
PROFILED, NEW_SINCE = day("2025-04-05"), "2022-06-01"
MILLION = 1_000_000


def plant_known(p: Planted) -> None:
    """Plant the partners, then their sales, activities and targets."""
    for plant in (
        organisation,
        two_branches,
        leaking_branch,
        stalling_branch,
        direct_sales,
        meetings,
        told_cases,
        inquiries,
        promises,
        account_plans,
        reviews,
        decided,
        shared_deal,
    ):
        plant(p)


def organisation(p: Planted) -> None:
    """Plant two branches with 20 salespeople each; the roster has 5 and 14 of them, one of the 5 until 1 March.

    The contracts of the third and fourth partner began in a year in which small samples have no others; the third's was
    renewed three years later. A rep left the branch abroad and came back.
    """
    p.partner("KNOWN", "株式会社ヨツバ販売")
    p.branch(FEW, "KNOWN", "東京支店")
    p.branch(MANY, "KNOWN", "大阪支店")
    p.partner("KNOWN2", "株式会社ナナクサ農機", industry=INDUSTRY, contract_started_on="2025-10-15")
    p.branch(LEAK, "KNOWN2", "福岡支店")
    p.branch(ABROAD, "KNOWN2", "海外支店", prefecture="海外")
    p.partner(
        "KNOWN3", "株式会社ヤツデ商店", contract_started_on=NEW_SINCE, contract_renewed_on="2025-06-01", focus=True,
    )  # fmt: skip
    p.branch(NEW, "KNOWN3", "札幌支店", opened=NEW_SINCE)
    p.rep(f"{NEW}-R1", "八手 新", Assignment(NEW, NEW_SINCE))
    p.partner("KNOWN4", "株式会社ムツミ温室", contract_started_on=NEW_SINCE)
    for n, place in enumerate(("盛岡", "秋田", "山形", "福島"), 1):
        p.branch(f"{PEER}{n}", "KNOWN4", f"{place}支店", opened=NEW_SINCE)
        p.rep(f"{PEER}{n}-R1", f"六実 第{n}", Assignment(f"{PEER}{n}", NEW_SINCE))
    p.partner("KNOWN5", "株式会社イツキ機工")
    p.branch(STALL, "KNOWN5", "広島支店")
    p.rep(f"{STALL}-R1", "五木 誠", Assignment(STALL))
    for branch, headcount in ((FEW, 20), (MANY, 20), (LEAK, 4)):
        p.add("branch_profiles", PROFILED, branch_id=branch, as_of="2025-04-01", sales_headcount=headcount)
    # All required figures were reported in the latest year, the headcount alone the year before.
    p.add("branch_profiles", PROFILED, branch_id=NEW, as_of="2024-04-05", sales_headcount=2)
    p.add(
        "branch_profiles", PROFILED, branch_id=NEW, as_of="2025-04-02", sales_headcount=2, evaluation_scheme="件数評価",
        focus_products=PRODUCT,
    )  # fmt: skip
    for n, name in enumerate(("四葉 一", "四葉 二郎", "四葉 三奈", "四葉 史郎", "四葉 吾郎"), 1):
        p.rep(f"{FEW}-R{n}", name, Assignment(FEW, ends="2026-03-01" if n == 2 else None), email=f"r{n}@known.example")
    for n in range(1, 15):
        p.rep(f"{MANY}-R{n:02d}", f"大葉 第{n}", Assignment(MANY))
    for n in (1, 2):
        p.rep(f"{LEAK}-R{n}", f"七草 第{n}", Assignment(LEAK))
    before, again = Assignment(ABROAD, ends="2024-10-01"), Assignment(ABROAD, "2025-11-01")
    p.rep(f"{ABROAD}-R1", "七草 海", before, again, left=("2024-10-01", "2025-11-01"))


def sold(p: Planted, deal: str, rep: str, created: str, won: str | None, amount: int, **values: Any) -> None:
    """Add a deal with the rep as its evidence; a deal that was not won was lost on `closed_on`."""
    branch = rep.rpartition("-")[0]
    p.deal(
        deal, None, "a partner whose figures are known", branch, "L4", created, rep=rep, rep_id=rep, won_on=won,
        amount=amount, **values,
    )  # fmt: skip


def two_branches(p: Planted) -> None:
    """Plant 400 million by three reps (50, 30 and 20 %) and by fourteen, and the 200 million of the year before.

    The first deals of five new branches come 30 days after their contracts. Three are won after 111 days, two not. One
    more deal has been open for two years.
    """
    sold(p, f"{NEW}-1", f"{NEW}-R1", "2022-07-01", "2022-09-20", 600_000)
    for n in range(1, 5):
        won = "2022-09-20" if n <= 2 else None
        sold(p, f"{PEER}{n}-1", f"{PEER}{n}-R1", "2022-07-01", won, 600_000, closed_on=won or "2022-09-30")
    sold(p, f"{PEER}1-STALE", f"{PEER}1-R1", "2024-06-10", None, 7 * MILLION)
    summer, autumn, winter, spring = "2025-06-02", "2025-09-18", "2025-12-01", "2026-03-18"
    for n, rep, amount, created, won in (
        (1, 1, 150, summer, autumn), (2, 1, 50, winter, spring),
        (3, 2, 120, summer, autumn), (4, 3, 80, winter, spring),
    ):  # fmt: skip
        channel = "service" if n == 3 else None  # the only deal of this channel
        earned = amount * MILLION // 10 if n == 1 else None  # the only commission that is stated
        sold(
            p, f"{FEW}-{n}", f"{FEW}-R{rep}", created, won, amount * MILLION, channel=channel,
            partner_commission=earned, product_id="PR02",  # not the product of the sister branch
        )  # fmt: skip
    for n in range(1, 15):
        created, won = (summer, autumn) if n <= 7 else (winter, spring)
        sold(p, f"{MANY}-{n:02d}", f"{MANY}-R{n:02d}", created, won, 29_500_000 if n == 14 else 28_500_000)
    for n in (1, 2):
        sold(p, f"{MANY}-0{n}-BEFORE", f"{MANY}-R0{n}", "2024-12-02", "2025-03-18", 100 * MILLION)


def proposals(p: Planted, rep: str, number: int, won: int, amount: int, **values: Any) -> None:
    """Plant deals that all reach a proposal; the first ones are won."""
    branch = rep.rpartition("-")[0]
    for n in range(1, number + 1):
        won_on, closed = ("2026-03-10", "2026-03-10") if n <= won else (None, "2026-02-20")
        deal = f"{branch}-{n:02d}"
        by = f"{branch}-R{1 + n % 2}" if branch == LEAK else rep
        sold(p, deal, by, "2025-11-10", won_on, amount, closed_on=closed, **values)
        p.stages(
            deal, ("商談", "2025-11-10"), ("案件化", "2025-12-01"), ("提案", "2025-12-25"),
            ("受注" if won_on else "失注", closed),
        )  # fmt: skip


def stalling_branch(p: Planted) -> None:
    """Plant sixty deals that all reach a proposal, of which six are won; all close seven weeks late or later."""
    proposals(p, f"{STALL}-R1", 60, 6, MILLION, expected_close_on="2025-12-31")


def leaking_branch(p: Planted) -> None:
    """Plant ten deals of two salespeople that all reach a proposal, of which two are won."""
    proposals(p, f"{LEAK}-R1", 10, 2, 5 * MILLION, product_id=PRODUCT)
    p.add(
        "cases",
        AS_OF,
        case_id="KNOWN-CASE",
        branch_id=LEAK,
        kind="success",
        summary="短期間で導入",
        recorded_on="2026-03-20",
    )


def direct_sales(p: Planted) -> None:
    """Plant four direct wins and a direct loss with the same product; the loss is at a partner's customer."""
    p.add(
        "products", AS_OF, product_id=PRODUCT, product_name="温室管理クラウド", product_family="SaaS", is_service=False
    )
    for n in range(1, 6):
        p.customer(f"KNOWN-C{n}", prefecture="海外" if n == 1 else None, industry=INDUSTRY)
    for n in (1, 2, 3, 5):
        p.deal(
            f"KNOWN-DIRECT-{n}", None, "a direct deal whose figures are known", DIRECT, "L13", "2025-12-15",
            channel="direct", product_id=PRODUCT, won_on="2026-03-18", amount=3 * MILLION,
            customer_id=f"KNOWN-C{n}",
        )  # fmt: skip
    p.deal(
        "KNOWN-DIRECT-4", None, "a direct deal for a partner's customer", DIRECT, "L13", "2025-12-15", channel="direct",
        product_id=PRODUCT, closed_on="2026-01-20", customer_id=f"TRAP-C-{LEAK}-03",
    )  # fmt: skip


def meetings(p: Planted) -> None:
    """Plant calls to as many reps as bring a deal in the next month, sessions, joint visits, and a late report."""
    for branch, on, reps in (
        (FEW, "2025-05-14", ("R1", "R2")), (FEW, "2025-11-12", ("R1", "R3")),
        (MANY, "2024-11-13", ("R01", "R02")), (MANY, "2025-05-15", tuple(f"R{n:02d}" for n in range(1, 8))),
        (MANY, "2025-11-13", tuple(f"R{n:02d}" for n in range(8, 15))), (FEW, "2026-03-25", ("R4",)),
    ):  # fmt: skip
        p.activity(f"{branch}-CALL-{on}", "call", branch, on, *(f"{branch}-{rep}" for rep in reps))
    p.activity(f"{FEW}-SESSION", "study_session", FEW, "2026-03-24", f"{FEW}-R1", f"{FEW}-R3")
    p.activity(
        f"{LEAK}-SESSION", "study_session", LEAK, "2025-11-05", f"{LEAK}-R1", logged="2025-12-05",
        next_action="見積提出", note="温室の導入相談", note_audience="everyone",
    )  # fmt: skip
    p.activity(
        f"{MANY}-MEETING", "regular_meeting", MANY, "2025-06-10", duration_minutes=90, note="夏の計画",
        next_action="資料送付", next_action_due_on="2025-06-20", next_action_done_on="2025-06-19",
    )  # fmt: skip
    for n in (1, 2):
        p.activity(f"{MANY}-VISIT-{n}", "joint_visit", MANY, "2025-08-20", deal_id=f"{MANY}-0{n}")


def told_cases(p: Planted) -> None:
    """Plant a success case that a sister branch did not use and another that one did, an issue, and a market's size.

    A row of the activation worklist was done.
    """
    told = {"level": "rep", "product_id": "PR01", "customer_industry": "製造", "topic": "節電"}
    for case, branch, to, recorded, shared in (
        ("KNOWN-TOLD", MANY, FEW, "2025-04-10", "2025-05-01"),
        ("KNOWN-USED", f"{PEER}2", f"{PEER}1", "2022-07-10", "2022-07-15"),
    ):
        p.add(
            "cases", first_extract(day(recorded)), case_id=case, branch_id=branch, kind="success", is_shareable=True,
            summary="電力の削減で受注", recorded_on=recorded, **told,
        )  # fmt: skip
        p.add(
            "case_shares", first_extract(day(shared)), case_id=case, to_branch_id=to, shared_on=shared,
            adopted_on=shared,
        )  # fmt: skip
    p.add(
        "cases", AS_OF, case_id="KNOWN-ISSUE", branch_id=FEW, kind="issue", summary="電気代の質問に答えられない",
        recorded_on="2026-02-02", **told,
    )  # fmt: skip
    p.add(
        "cases", AS_OF, case_id="KNOWN-SOLVED", branch_id=FEW, kind="issue", summary="電気代を聞かれる",
        recorded_on="2025-05-20", closed_on="2025-11-04", solved_by_case_id="KNOWN-TOLD", **told,
    )  # fmt: skip
    p.add(
        "executive_relations", AS_OF, partner_id="KNOWN", rated_on="2026-03-01", level=2, rated_by="営業企画",
        reason="2月に役員と面談",
    )  # fmt: skip
    p.add(
        "market_sizes", DELTA_EXTRACTS[0], prefecture="海外", as_of="2024-06-01", establishments=50_000,
        source="known.py",
    )  # fmt: skip
    p.add(
        "worklist_results", AS_OF, branch_id=LEAK, listed_on="2026-03-30", done_by="S0006", done_on="2026-03-31",
        action_type="call", note="提案の準備を相談", next_action="資料送付",
    )  # fmt: skip


def inquiries(p: Planted) -> None:
    """Plant six inquiries of one industry, two of which led to a partner, and one without interest in a partnership."""
    for n in range(1, 8):
        p.add(
            "inquiries", day("2025-10-05"), inquiry_id=f"KNOWN-IQ{n}", received_at=f"2025-06-1{n} 10:00:00",
            company_name=f"温室第{n}株式会社", industry=INDUSTRY, became_partner_id="KNOWN2" if n <= 2 else None,
            kind="spam" if n == 7 else "resale" if n % 2 else "referral",
        )  # fmt: skip


def promises(p: Planted) -> None:
    """Plant a target halfway to its deadline, a phase with the metrics of its set, and phases of branches."""
    p.add(
        "targets", AS_OF, metric="won_amount", scope="partner", scope_id="KNOWN", baseline=200 * MILLION,
        baseline_on="2025-03-31", target=1_200 * MILLION, deadline="2027-03-31",
    )  # fmt: skip
    p.add("phase_history", AS_OF, scope="partner", scope_id="KNOWN", phase="deepening", valid_from="2025-10-01")
    # One has outgrown its phase, one has fallen behind it, and of the others a few wins may be chance.
    for branch, phase in ((MANY, "launch"), (FEW, "launch"), (NEW, "growth"), (STALL, "growth"), (LEAK, "growth")):
        p.add("phase_history", AS_OF, scope="branch", scope_id=branch, phase=phase, valid_from="2025-04-01")


def plan(
    p: Planted, plan_id: str, scope: str, entity: str, start: str, end: str, agreed: str | None, **values: Any
) -> None:
    """Add a version of a plan with both sides' benefits; the first version unless another is given."""
    p.add(
        "account_plans", AS_OF, plan_id=plan_id, scope=scope, scope_id=entity, period_start=start, period_end=end,
        agreed_on=agreed, status="合意" if agreed else "作成中", owner_staff_id="S0006", partner_benefit="紹介料",
        vendor_benefit="販路の拡大", **{"version": 1, **values},
    )  # fmt: skip


def goal(p: Planted, plan_id: str, months: dict[str, float], metric: str = "won_amount", version: int = 1) -> None:
    """Add a goal with its target in each month."""
    kind = "result" if metric == "won_amount" else "action"
    for month, target in months.items():
        p.add(
            "plan_goals", AS_OF, goal_id=f"{plan_id}-{metric}", plan_id=plan_id, version=version, metric=metric,
            goal_type=kind, month=month, target=target,
        )  # fmt: skip


def account_plans(p: Planted) -> None:
    """Plant plans of a partner and its two branches, two plans that go on, and one of a focus branch.

    The plan of MANY has a target of 500 million in fiscal 2025, and from October of 420; 400 came. The plan of FEW is a
    draft. Their partner's plan has a target of 1,000 million. LEAK has won 10 of 55 million and has until December;
    ABROAD nothing.
    """
    year = ("2025-04-01", "2026-03-31")
    plan(p, "KNOWN-PLAN-MANY", "branch", MANY, *year, "2025-04-10", parent_plan_id="KNOWN-PLAN")
    plan(
        p, "KNOWN-PLAN-MANY", "branch", MANY, *year, "2025-10-10", version=2, parent_plan_id="KNOWN-PLAN",
        lessons="勉強会の後に商談が増えた",
    )  # fmt: skip
    goal(p, "KNOWN-PLAN-MANY", {"2025-09-01": 250 * MILLION, "2026-03-01": 250 * MILLION})
    goal(p, "KNOWN-PLAN-MANY", {"2026-03-01": 170 * MILLION}, version=2)
    plan(
        p,
        "KNOWN-PLAN-MANY-26",
        "branch",
        MANY,
        "2026-04-01",
        "2027-03-31",
        "2026-04-01",
        follows_plan_id="KNOWN-PLAN-MANY",
    )
    goal(p, "KNOWN-PLAN-MANY-26", {"2026-09-01": 250 * MILLION, "2027-03-01": 250 * MILLION})
    plan(p, "KNOWN-PLAN-FEW", "branch", FEW, *year, None, parent_plan_id="KNOWN-PLAN")
    goal(p, "KNOWN-PLAN-FEW", {"2025-09-01": 300 * MILLION})
    plan(p, "KNOWN-PLAN", "partner", "KNOWN", *year, "2025-04-20")
    goal(p, "KNOWN-PLAN", {"2025-09-01": 500 * MILLION, "2026-03-01": 500 * MILLION})
    calendar_year = ("2026-01-01", "2026-12-31")
    plan(p, "KNOWN-PLAN-LEAK", "branch", LEAK, *calendar_year, "2025-12-20")
    goal(
        p, "KNOWN-PLAN-LEAK",
        {"2026-01-01": 0, "2026-02-01": 0, "2026-03-01": 8 * MILLION, "2026-09-01": 17 * MILLION,
        "2026-12-01": 30 * MILLION},
    )  # fmt: skip
    goal(p, "KNOWN-PLAN-LEAK", {"2026-01-01": 1, "2026-02-01": 1, "2026-03-01": 0}, "regular_meeting")
    plan(p, "KNOWN-PLAN-ABROAD", "branch", ABROAD, *calendar_year, "2025-12-22")
    goal(p, "KNOWN-PLAN-ABROAD", {"2026-02-01": 3 * MILLION, "2026-12-01": 9 * MILLION})
    plan(p, "KNOWN-PLAN-NEW", "branch", NEW, *year, "2025-04-15")
    goal(p, "KNOWN-PLAN-NEW", {"2025-09-01": 2}, "study_session")
    for n, (due, done, side) in enumerate(
        (
            ("2026-02-10", "2026-02-09", "vendor"),
            ("2026-02-20", "2026-02-27", "partner"),
            ("2026-03-27", None, "partner"),
            ("2026-05-15", None, "vendor"),
        ),
        1,
    ):
        p.add(
            "plan_actions", AS_OF, action_id=f"KNOWN-PLAN-LEAK-A{n}", plan_id="KNOWN-PLAN-LEAK",
            goal_id="KNOWN-PLAN-LEAK-won_amount", action_type="proposal_review", owner_side=side, due_on=due,
            done_on=done,
            status="完了" if done else "未完了",
        )  # fmt: skip
    p.add(
        "plan_actions", AS_OF, action_id="KNOWN-PLAN-MANY-A1", plan_id="KNOWN-PLAN-MANY", action_type="proposal_review",
        owner_side="vendor", due_on="2025-08-29", done_on="2025-08-20", status="完了",
    )  # fmt: skip


def reviews(p: Planted) -> None:
    """Plant a regular meeting that was held and one that was cancelled, and a business review with an executive."""
    p.activity(
        f"{LEAK}-REGULAR-1", "regular_meeting", LEAK, "2026-02-03", next_action="見積の見直し",
        next_action_due_on="2026-02-10",
    )  # fmt: skip
    p.add(
        "activities", AS_OF, activity_id=f"{LEAK}-REGULAR-2", activity_type="regular_meeting",
        occurred_at="2026-03-03 14:00:00", logged_at="2026-03-03 18:00:00", branch_id=LEAK, status="cancelled",
    )  # fmt: skip
    p.activity(f"{NEW}-QBR", "qbr", NEW, "2026-02-10")
    p.add(
        "activity_attendees", AS_OF, activity_id=f"{NEW}-QBR", attendee_id="KNOWN3-EXEC", attendee_type="executive",
        attendance="attended",
    )  # fmt: skip


def decided(p: Planted) -> None:
    """Plant three decisions on known figures: one came true, one did not, and one still runs."""
    for nth, branch, metric, taken, expected, by in (
        (1, "KNOWN-MANY", "won_amount", "2025-03-25", 300 * MILLION, "2026-03-31"),
        (2, "KNOWN-FEW", "deals_won", "2025-03-25", 6, "2026-03-31"),
        (3, "KNOWN-MANY", "reps_producing_t12m", "2025-04-20", 20, "2026-09-30"),
    ):
        p.add(
            "decisions", AS_OF, decision_id=f"KNOWN-DC{nth}", decision="営業担当者との接点を広げる", metric=metric,
            scope="branch", scope_id=branch, figure=None, taken_on=taken, taken_by="温室 長", expected_value=expected,
            expected_by=by, programme_id=None,
        )  # fmt: skip


def shared_deal(p: Planted) -> None:
    """Plant two programmes whose leads became one deal of 50 million. Three quarters are the first one's, by its share.

    So the first brings 37.5 of the 40 million that it cost, and the second 12.5 of 10 million.
    """
    for code, name, share, cost, planned in (
        ("KNOWN-PG1", "温室展示会", "0.75", 40, "2026-09-01"),
        ("KNOWN-PG2", "温室メール", "0.25", 10, "2026-06-01"),
    ):
        p.add(
            "programmes", AS_OF, programme_id=code, programme_name=name, kind="campaign", started_on="2025-12-01",
            planned_cost=cost * 9 * MILLION // 10, planned_payback_month=planned, horizon="short",
            expected_margin=cost * 11 * MILLION // 10, decision_memo="同じ顧客への二つの施策を比べる",
        )  # fmt: skip
        p.add(
            "programme_costs", AS_OF, programme_id=code, month="2025-12-01", cost_kind="販促費", amount=cost * MILLION
        )
        p.add(
            "programme_branches", AS_OF, programme_id=code, branch_id=FEW, joined_on="2025-12-01",
            agreed_on="2025-11-28", share=share, role="参加",
        )  # fmt: skip
        p.add(
            "leads_supplied", first_extract(day("2025-12-03")), lead_id=f"{code}-LEAD", branch_id=FEW,
            passed_at="2025-12-03 10:00:00", accepted_at="2025-12-04 10:00:00", first_contact_at="2025-12-05 10:00:00",
            deal_id=f"{FEW}-2", programme_id=code,
        )  # fmt: skip
