"""More account plans: plans of divisions and partners, and plans that go on today.

Some plans follow the calendar year, as some partners do. The plans of the coming fiscal year are partly agreed. None of
them changes what happens in the sample: an action that is done here is of a type without an effect.
"""

from collections import defaultdict
from typing import Any

import numpy as np

from tools.sample.calendar import AS_OF, FISCAL_YEARS, business_day, day, iso, month_starts
from tools.sample.causes import SEASON, Causes
from tools.sample.organisation import NEVER, Organisation

Rows = list[dict[str, Any]]
LESSONS = (
    "勉強会の後の同行訪問が商談につながった",
    "値引きだけでは受注は増えなかった",
    "支店長との定例会で課題を早く把握できた",
)
# The types of actions of a plan that goes on, and whether some of them are done already.
COMING = ("study_session", "joint_visit", "proposal_template", "regular_meeting")
GOING_ON = ("joint_visit", "price_review", "campaign", "joint_visit", "study_session", "price_review")


def of_larger_scopes(org: Organisation, plans: Rows, goals: Rows) -> tuple[Rows, Rows]:
    """Return division plans, and goals of divisions and partners.

    A division's goals are the sum of its branches' last versions. A partner's are 5 % more than such a sum.
    """
    last = {row["plan_id"]: row for row in plans if row["scope"] == "branch"}
    parts: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    divisions: dict[str, dict[str, Any]] = {}
    wanted = {(row["plan_id"], row["version"]) for row in last.values()}
    for row in goals:
        if row["metric"] != "won_amount" or (row["plan_id"], row["version"]) not in wanted:
            continue
        branch_plan = last[row["plan_id"]]
        b = int(branch_plan["scope_id"][1:]) - 1
        partner, division = f"P{int(org.branch_partner[b]) + 1:04d}", int(org.branch_division[b])
        parts[branch_plan["parent_plan_id"]][row["month"]] += row["target"]
        if division != NEVER:
            year = branch_plan["period_start"][:4]
            plan = f"PL{year}-{partner}-D{division + 1}"
            parts[plan][row["month"]] += row["target"]
            divisions.setdefault(
                plan,
                {
                    **branch_plan, "plan_id": plan, "version": 1, "scope": "division",
                    "scope_id": f"{partner}-D{division + 1}", "agreed_on": f"{year}-04-23", "agreed_by": "事業部長",
                    "status": "合意", "parent_plan_id": branch_plan["parent_plan_id"],
                    "follows_plan_id": f"PL{int(year) - 1}-{partner}-D{division + 1}"
                    if int(year) > FISCAL_YEARS[0] else None,
                    "lessons": None,
                },
            )  # fmt: skip
    larger = [
        {"goal_id": f"{plan}-W", "plan_id": plan, "version": 1, "metric": "won_amount", "goal_type": "result",
            "month": month, "target": round(amount * (1 if plan in divisions else 1.05), -3)}
        for plan, months in parts.items()
        for month, amount in months.items()
    ]  # fmt: skip
    return list(divisions.values()), larger


def going_on(org: Organisation, causes: Causes, rng: np.random.Generator) -> tuple[Rows, Rows, Rows]:
    """Return plans, goals and actions of the calendar year 2026 and of the coming fiscal year."""
    best = np.unique(causes.planned["branch"])
    others = np.setdiff1d(np.argsort(-org.weight[: org.real_branches], kind="stable")[: 3 * len(best)], best)
    opened = (org.branch_closed[others] == NEVER) & (org.branch_opened[others] < day("2025-01-01"))
    others = np.sort(
        others[opened & (org.partner_ended[org.branch_partner[others]] == NEVER)][: max(4, len(best) // 2)]
    )
    plans: Rows = []
    goals: Rows = []
    actions: Rows = []
    for start, branches, kinds, first_due in (
        ("2026-01-01", others, GOING_ON, 20), ("2026-04-01", best, COMING, 6),
    ):  # fmt: skip
        months = month_starts(
            start, f"{int(start[:4]) + (start[5:7] == '04')}-{'03' if start[5:7] == '04' else '12'}-01"
        )
        season = np.array([SEASON[(int(iso(m)[5:7]) - 4) % 12] for m in months]) / sum(SEASON)
        for b in branches.tolist():
            prefix = "CY2026" if start[5:7] == "01" else "PL2026"
            plan, is_agreed = f"{prefix}-B{b + 1:05d}", bool(start[5:7] == "01" or rng.random() < 0.6)
            partner = int(org.branch_partner[b])
            plans.append(
                {
                    "plan_id": plan, "version": 1, "scope": "branch", "scope_id": f"B{b + 1:05d}",
                    "period_start": start,
                    "period_end": iso(day(f"{int(start[:4]) + 1}{start[4:]}") - 1),
                    "agreed_on": ("2025-12-18" if start[5:7] == "01" else "2026-04-02") if is_agreed else None,
                    "agreed_by": "支店長" if is_agreed else None, "status": "合意" if is_agreed else "作成中",
                    "parent_plan_id": None,
                    "follows_plan_id": f"PL2025-B{b + 1:05d}" if start[5:7] == "04" else None,
                    "owner_staff_id": f"S{int(org.partner_staff[partner]) + 1:04d}" if rng.random() < 0.9 else None,
                    "partner_benefit": "紹介料と新規顧客" if rng.random() < 0.9 else None,
                    "vendor_benefit": "販路の拡大",
                }
            )  # fmt: skip
            yearly = (
                float(org.weight[b])
                * org.size
                * 350_000
                * float(rng.choice([0.9, 1.0, 1.2, 2.5], p=[0.3, 0.4, 0.2, 0.1]))
            )
            for i, month in enumerate(months):
                goals += [
                    {"goal_id": f"{plan}-{code}", "plan_id": plan, "version": 1, "metric": metric, "goal_type": kind,
                        "month": iso(month), "target": target}
                    for code, metric, kind, target in (
                        ("W", "won_amount", "result", round(yearly * float(season[i]), -3)),
                        ("V", "joint_visit", "action", 1),
                    )
                ]  # fmt: skip
            for nth, kind in enumerate(kinds):
                due = int(business_day(np.array([day(start) + first_due + 30 * nth + int(rng.integers(0, 12))]))[0])
                done = due + int(rng.integers(-6, 9))
                happened = kind != "study_session" and due < AS_OF and done <= AS_OF and rng.random() < 0.7
                actions.append(
                    {
                        "action_id": f"{plan}-A{nth + 1}", "plan_id": plan,
                        "goal_id": None if nth % 3 == 2 else f"{plan}-{'V' if kind == 'joint_visit' else 'W'}",
                        "action_type": kind, "owner_side": "vendor" if nth % 2 else "partner", "due_on": iso(due),
                        "done_on": iso(done) if happened else None, "status": "完了" if happened else "未完了",
                        "activity_id": None,
                    }
                )  # fmt: skip
    return plans, goals, actions
