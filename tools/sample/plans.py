"""Data of the vendor: staff and their partners, account plans, goals, actions, targets, programmes, phases."""

from typing import Any

import numpy as np

from tools.sample import decisions, later_plans, names
from tools.sample.calendar import AS_OF, FISCAL_YEARS, START, day, iso, month_starts
from tools.sample.causes import PROGRAMMES, SEASON, Causes, action_type
from tools.sample.organisation import NEVER, Organisation
from tools.sample.writing import Writer, register

MEMOS = {
    "short": "今期の新規商談を増やす。1年以内の回収を見込む。",
    "long": "中長期の体制づくり。当期の成果は求めない。",
}
MISSIONS = ("direct", "recruit", "enable", "grow", "success")


def write_all(
    org: Organisation,
    causes: Causes,
    writer: Writer,
    rng: np.random.Generator,
    later_rng: np.random.Generator,
    margins: np.ndarray,
) -> dict[str, str | None]:
    """Write staff and plan datasets, as one full extract each; return the month in which each programme pays back.

    `margins` is the margin that each programme brought in each month of the calendar.
    """
    write_staff(org, writer)
    write_account_plans(org, causes, writer, later_rng)
    paid_back = write_programmes(org, causes, writer, margins)
    write_targets(org, causes, writer, rng)
    decisions.write_decisions(org, writer)
    return paid_back


def write_staff(org: Organisation, writer: Writer) -> None:
    """Write the vendor's staff and the partners or branches that they cover; some partners change staff once."""
    writer.write_rows(
        "staff",
        AS_OF,
        (
            {
                "staff_id": f"S{i + 1:04d}",
                "staff_name": f"{names.SURNAMES[(7 * i) % 40]} {names.GIVEN[(11 * i + 3) % 40]}",
                "team": "直販営業部" if i < 5 else "パートナー営業部",
                "mission": MISSIONS[0] if i < 5 else MISSIONS[1 + i % 4],
                "monthly_hours": 150,
                "support_hours_per_week": 8 + i % 4 * 2 if i % 3 else None,
            }
            for i in range(org.staff)
        ),
    )
    partners = len(org.branch_count)
    register(writer.con, "cover", {"p": np.arange(partners), "staff": org.partner_staff})
    register(
        writer.con,
        "cover_branch",
        {
            "b": np.arange(org.real_branches),
            "p": org.branch_partner[: org.real_branches],
            "opened": org.branch_opened[: org.real_branches],
        },
    )
    change, others = day("2024-04-01"), org.staff - 5
    writer.write(
        "staff_assignments",
        AS_OF,
        f"""select staff_of(staff) as staff_id, partner_of(p) as partner_id, null::varchar as branch_id,
            day_of({day("2021-04-01")}) as valid_from,
            case when p % 3 = 1 then day_of({change}) end as valid_to from cover
        union all select staff_of(5 + (staff - 4) % {others}), partner_of(p), null, day_of({change}), null from cover
            where p % 3 = 1
        union all select staff_of(5 + b % {others}), partner_of(p), branch_of(b), day_of(greatest(opened, {START})),
            null
            from cover_branch where b % 8 = 2""",
    )


def write_account_plans(org: Organisation, causes: Causes, writer: Writer, rng: np.random.Generator) -> None:
    """Write plans per branch and half of the large partners, with goals by month and actions, and more plans."""
    planned = {name: values.tolist() for name, values in causes.planned.items()}
    best = np.unique(causes.planned["branch"])
    total_partners = int((org.branch_count > 0).sum())
    plans: list[dict[str, Any]] = []
    goals: list[dict[str, Any]] = []
    actions: list[dict[str, Any]] = []
    season = np.array(SEASON) / sum(SEASON)
    for year in FISCAL_YEARS:
        months = month_starts(f"{year}-04-01", f"{year + 1}-03-01")
        for rank, b in enumerate(best.tolist()):
            plan = f"PL{year}-B{b + 1:05d}"
            revised = rank % 4 == 0
            goal = round(float(org.weight[b]) * org.size * 350_000 * (1 + 0.08 * (year - 2022)), -4)
            for version in (1, 2) if revised else (1,):
                plans.append(
                    {
                        "plan_id": plan, "version": version, "scope": "branch", "scope_id": f"B{b + 1:05d}",
                            "period_start": f"{year}-04-01",
                        "period_end": f"{year + 1}-03-31",
                            "agreed_on": f"{year}-{'04-20' if version == 1 else '10-12'}" if rank % 5 else None,
                        "agreed_by": "支店長" if rank % 5 else None, "status": "合意" if rank % 5 else "作成中",
                        "parent_plan_id": f"PL{year}-P{int(org.branch_partner[b]) + 1:04d}",
                        "follows_plan_id": f"PL{year - 1}-B{b + 1:05d}" if year > FISCAL_YEARS[0] else None,
                        "owner_staff_id": f"S{int(org.partner_staff[org.branch_partner[b]]) + 1:04d}",
                        "partner_benefit": "紹介料と新規顧客", "vendor_benefit": "販路の拡大",
                    }
                )  # fmt: skip
                for i, month in enumerate(months):
                    won = round(goal * (1 if version == 1 else 0.9) * float(season[i]), -3)
                    goals += [
                        {"goal_id": f"{plan}-{code}", "plan_id": plan, "version": version, "metric": metric,
                            "goal_type": kind, "month": iso(month), "target": target}
                        for code, metric, kind, target in (("W", "won_amount", "result", won), ("S", "sessions_held",
                            "action", 1 + rank % 2))
                    ]  # fmt: skip
        for p in sorted({int(org.branch_partner[b]) for b in best.tolist()}):
            assert p < total_partners
            plan = f"PL{year}-P{p + 1:04d}"
            plans.append(
                {
                    "plan_id": plan, "version": 1, "scope": "partner", "scope_id": f"P{p + 1:04d}",
                        "period_start": f"{year}-04-01",
                    "period_end": f"{year + 1}-03-31", "agreed_on": f"{year}-04-25", "agreed_by": "営業本部長",
                        "status": "合意",
                    "parent_plan_id": None, "follows_plan_id": f"PL{year - 1}-P{p + 1:04d}" if year > FISCAL_YEARS[0]
                        else None,
                    "owner_staff_id": f"S{int(org.partner_staff[p]) + 1:04d}", "partner_benefit": "全社での提案力",
                        "vendor_benefit": "横展開",
                }
            )  # fmt: skip
    for year, b, nth, kind, due, done in zip(
        *(planned[name] for name in ("year", "branch", "nth", "type", "due", "done")), strict=True
    ):
        plan = f"PL{year}-B{b + 1:05d}"
        actions.append(
            {
                "action_id": f"{plan}-A{nth + 1}", "plan_id": plan, "goal_id": f"{plan}-S" if nth % 2 else f"{plan}-W",
                "action_type": action_type(kind), "owner_side": "vendor" if nth % 2 else "partner", "due_on": iso(due),
                "done_on": None if done == NEVER else iso(done), "status": "未完了" if done == NEVER else "完了",
                "activity_id": None,
            }
        )  # fmt: skip
    divisions, larger = later_plans.of_larger_scopes(org, plans, goals)
    later = later_plans.going_on(org, causes, rng)
    ended = {row["plan_id"]: row for row in plans if row["period_end"] <= iso(AS_OF) and row["agreed_on"]}
    for nth, row in enumerate(ended.values()):
        row["lessons"] = later_plans.LESSONS[nth % 4] if nth % 4 < len(later_plans.LESSONS) else None
    writer.write_rows("account_plans", AS_OF, [{"lessons": None, **row} for row in (*plans, *divisions, *later[0])])
    writer.write_rows("plan_goals", AS_OF, [*goals, *larger, *later[1]])
    writer.write_rows("plan_actions", AS_OF, [*actions, *later[2]])


def write_programmes(org: Organisation, causes: Causes, writer: Writer, margins: np.ndarray) -> dict[str, str | None]:
    """Write programmes, their monthly cost and the branches in them; return when each pays back.

    The cost is what the programme had brought by its month of payback, most of it spent at the beginning.
    """
    programmes: list[dict[str, Any]] = []
    costs: list[dict[str, Any]] = []
    members: list[dict[str, Any]] = []
    paid_back: dict[str, str | None] = {}
    calendar = month_starts("2022-04-01", "2026-04-01")
    for i, (code, name, kind, start, end, horizon) in enumerate(PROGRAMMES):
        first = calendar.index(month_starts(start[:7] + "-01", start[:7] + "-01")[0])
        running = month_starts(start[:7] + "-01", (end or "2026-03-31")[:7] + "-01")
        brought = np.cumsum(margins[i])
        nth = causes.effects.programmes[code].payback_month
        # The month of payback is the intended one, or the next one in which it brought anything.
        paying = np.flatnonzero(np.diff(brought, prepend=0) > 0)
        paying = paying[paying >= first + nth] if nth else paying[:0]
        last = int(paying[0]) if len(paying) else len(calendar) - 1
        # Halfway between what it had brought before that month and in it; without a payback, more than it ever brings.
        cost = int(brought[last] + brought[last - 1]) // 2 if len(paying) else int(1.5 * brought[-1]) + org.size * 300
        later = [m for m in running[1:] if m <= calendar[last]]
        at_start = cost if not later else cost * 4 // 5
        spent = {m: (cost - at_start) // len(later) for m in later} | {running[0]: at_start}
        spent[running[0]] += cost - sum(spent.values())
        costs += [
            {"programme_id": code, "month": iso(m), "cost_kind": what, "amount": amount}
            for m, total in sorted(spent.items())
            for what, amount in (("人件費", total * 3 // 5), ("販促費", total - total * 3 // 5))
        ]
        paid_back[code] = payback(calendar, brought, spent)
        programmes.append(
            {
                "programme_id": code, "programme_name": name, "kind": kind, "started_on": start, "ended_on": end,
                "planned_cost": round(cost * 0.9, -3),
                "planned_payback_month": iso(month_starts(start[:7] + "-01", "2026-12-01")[11]), "horizon": horizon,
                "expected_margin": round(cost * 1.1, -3), "decision_memo": MEMOS[horizon],
                "expected_side_effects": "直販との重複に注意" if horizon == "short" else None,
            }
        )  # fmt: skip
        members += [
            {
                "programme_id": code,
                "branch_id": f"B{b + 1:05d}",
                "joined_on": start,
                "agreed_on": start if b % 2 else None,
                "share": 1,
                "role": "共催" if b % 5 == 0 else "参加",
            }
            for b in np.flatnonzero(causes.member[i]).tolist()
        ]
    writer.write_rows("programmes", AS_OF, programmes)
    writer.write_rows("programme_costs", AS_OF, costs)
    writer.write_rows("programme_branches", AS_OF, members)
    return paid_back


def payback(calendar: list[int], brought: np.ndarray, spent: dict[int, int]) -> str | None:
    """Return the first month in which a programme has brought what it has cost until then."""
    cost = np.cumsum([spent.get(m, 0) for m in calendar])
    paid = np.flatnonzero((cost > 0) & (brought >= cost))
    return iso(calendar[paid[0]]) if len(paid) else None


def write_targets(org: Organisation, causes: Causes, writer: Writer, rng: np.random.Generator) -> None:
    """Write targets of the company, partners, branches and reps, and the phases."""
    base = org.size * 500_000
    targets: list[dict[str, Any]] = [
        {"metric": "indirect_ratio", "scope": "company", "scope_id": None, "baseline": 0.7,
            "baseline_on": "2022-04-01", "target": 0.85, "period_start": None, "deadline": "2027-03-31"},
        {"metric": "won_amount", "scope": "company", "scope_id": None, "baseline": base // 4,
            "baseline_on": "2022-04-01", "target": base // 2, "deadline": "2025-03-31"},
    ]  # fmt: skip
    targets += [
        {"metric": "won_amount", "scope": "partner", "scope_id": f"P{p + 1:04d}", "baseline": None,
            "baseline_on": None, "target": base // (20 * (p + 1)), "deadline": "2027-03-31"}
        for p in np.flatnonzero(org.partner_since < START)[:5].tolist()
    ]  # fmt: skip
    # What some branches with a plan and their first sellers should win in a year, set with an error of a fifth.
    best = np.unique(causes.planned["branch"])[::3]
    for year in (2024, 2025):
        for b, luck in zip(best.tolist(), rng.normal(1.05, 0.2, len(best)).tolist(), strict=True):
            yearly = float(org.weight[b]) * org.size * 150_000 * max(luck, 0.5)
            anchor = int(org.assignments.rep[org.assignments.first[b]])
            part = float(org.assignments.pull[org.assignments.first[b]])
            targets += [
                {"metric": "won_amount", "scope": scope, "scope_id": who, "target": round(yearly * of, -4),
                    "period_start": f"{year}-04-01", "deadline": f"{year + 1}-03-31"}
                for scope, who, of in (("branch", f"B{b + 1:05d}", 1.0), ("rep", f"R{anchor + 1:06d}", part))
            ]  # fmt: skip
    targets += [
        {"metric": metric, "scope": scope, "scope_id": scope_id, "target": target, "period_start": f"{year}-04-01",
            "deadline": f"{year + 1}-03-31"}
        for year in (2025, 2026)
        for metric, scope, scope_id, target in (
            ("won_amount", "company", None, base // 3), ("deals_new", "branch", "B00001", 12),
            ("headcount", "division", "P0001-D1", 30), ("won_amount", "rep", "R000001", 20_000_000),
        )
    ]  # fmt: skip
    writer.write_rows("targets", AS_OF, targets)
    phases: list[dict[str, Any]] = [
        {"scope": "company", "scope_id": None, "phase": "launch", "valid_from": "2022-04-01"},
        {"scope": "company", "scope_id": None, "phase": "growth", "valid_from": "2023-10-01"},
    ]
    phases += [
        {"scope": "partner", "scope_id": f"P{p + 1:04d}", "phase": phase, "valid_from": since}
        for p in range(0, len(org.branch_count), 4)
        for phase, since in (("launch", "2022-04-01"), ("growth", "2024-04-01"), ("deepening", "2025-10-01"))
    ]
    writer.write_rows("phase_history", AS_OF, phases)
