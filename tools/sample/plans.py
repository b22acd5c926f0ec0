"""Data of the vendor: staff and their partners, account plans, goals, actions, targets, programmes, phases."""

from typing import Any

import numpy as np

from tools.sample import names
from tools.sample.calendar import AS_OF, FISCAL_YEARS, START, day, iso, month_starts
from tools.sample.organisation import NEVER, Organisation, scaled
from tools.sample.writing import Writer, register

MISSIONS = ("direct", "recruit", "enable", "grow", "success")
PROGRAMMES = (
    ("PG1", "秋の販売キャンペーン", "campaign", "2023-08-01", "2023-10-31", 4_000_000, "short"),
    ("PG2", "営業勉強会シリーズ", "training", "2022-06-01", "2026-03-31", 9_000_000, "long"),
    ("PG3", "共催セミナー", "seminar", "2023-04-01", "2025-03-31", 6_000_000, "long"),
    ("PG4", "期末プロモーション", "campaign", "2025-01-06", "2025-03-31", 5_000_000, "short"),
    ("PG5", "パートナーポータル", "portal", "2024-04-01", None, 12_000_000, "long"),
    ("PG6", "紹介手数料アップ", "incentive", "2025-07-01", "2025-12-31", 3_000_000, "short"),
)


def write_all(org: Organisation, writer: Writer, rng: np.random.Generator) -> None:
    """Write staff and plan datasets, as one full extract each."""
    write_staff(org, writer)
    write_account_plans(org, writer, rng)
    write_programmes(org, writer)
    write_targets(org, writer)


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


def write_account_plans(org: Organisation, writer: Writer, rng: np.random.Generator) -> None:
    """Write plans per branch and half of the large partners, with goals by month and actions."""
    n = min(org.real_branches, scaled(org.size, (8, 30, 600, 1_500)))
    best = np.argsort(-org.weight[: org.real_branches], kind="stable")[:n]
    best = np.sort(best[(org.branch_closed[best] == NEVER) & (org.branch_opened[best] < START)])
    total_partners = int((org.branch_count > 0).sum())
    plans: list[dict[str, Any]] = []
    goals: list[dict[str, Any]] = []
    actions: list[dict[str, Any]] = []
    season = np.array([0.72, 0.72, 0.8, 0.75, 0.7, 2.15, 0.7, 0.78, 0.95, 0.75, 0.8, 2.45]) / 12.27
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
            for i in range(6):
                due = months[2 * i] + 20
                done = due + int(rng.integers(-10, 25)) if rng.random() < 0.75 else NEVER
                actions.append(
                    {
                        "action_id": f"{plan}-A{i + 1}", "plan_id": plan, "goal_id": f"{plan}-S" if i % 2
                            else f"{plan}-W",
                        "action_type": ("study_session", "joint_visit", "campaign")[i % 3],
                            "owner_side": "vendor" if i % 2 else "partner",
                        "due_on": iso(due), "done_on": iso(done) if 0 <= done <= AS_OF else None,
                        "status": "完了" if 0 <= done <= AS_OF else "未完了", "activity_id": None,
                    }
                )  # fmt: skip
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
    writer.write_rows("account_plans", AS_OF, plans)
    writer.write_rows("plan_goals", AS_OF, goals)
    writer.write_rows("plan_actions", AS_OF, actions)


def write_programmes(org: Organisation, writer: Writer) -> None:
    """Write programmes, their monthly cost and the branches in them; shares of a branch and day sum to at most 1."""
    writer.write_rows(
        "programmes",
        AS_OF,
        (
            {
                "programme_id": code, "programme_name": name, "kind": kind, "started_on": start, "ended_on": end,
                    "planned_cost": cost,
                "planned_payback_month": iso(month_starts(start[:7] + "-01", "2026-12-01")[11]), "horizon": horizon,
                "expected_side_effects": "直販との重複に注意" if horizon == "short" else None,
            }
            for code, name, kind, start, end, cost, horizon in PROGRAMMES
        ),
    )  # fmt: skip
    costs: list[dict[str, Any]] = []
    members: list[dict[str, Any]] = []
    for i, (code, _, _, start, end, cost, _) in enumerate(PROGRAMMES):
        months = month_starts(start[:7] + "-01", (end or "2026-03-31")[:7] + "-01")
        costs += [
            {"programme_id": code, "month": iso(m), "cost_kind": what, "amount": round(cost * share / len(months), -2)}
            for m in months
            for what, share in (("人件費", 0.6), ("販促費", 0.4))
        ]
        open_branches = np.flatnonzero(
            (org.branch_closed[: org.real_branches] == NEVER) & (org.branch_opened[: org.real_branches] < START)
        )
        chosen = open_branches[open_branches % 7 == i][:2_000]
        members += [
            {
                "programme_id": code,
                "branch_id": f"B{b + 1:05d}",
                "joined_on": start,
                "agreed_on": start if b % 2 else None,
                "share": 1,
            }
            for b in chosen.tolist()
        ]
    writer.write_rows("programme_costs", AS_OF, costs)
    writer.write_rows("programme_branches", AS_OF, members)


def write_targets(org: Organisation, writer: Writer) -> None:
    """Write the multi-year targets and the phases."""
    base = org.size * 500_000
    targets: list[dict[str, Any]] = [
        {"metric": "indirect_ratio", "scope": "company", "scope_id": None, "baseline": 0.7,
            "baseline_on": "2022-04-01", "target": 0.85, "deadline": "2027-03-31"},
        {"metric": "won_amount", "scope": "company", "scope_id": None, "baseline": base // 4,
            "baseline_on": "2022-04-01", "target": base // 2, "deadline": "2025-03-31"},
    ]  # fmt: skip
    targets += [
        {"metric": "won_amount", "scope": "partner", "scope_id": f"P{p + 1:04d}", "baseline": None,
            "baseline_on": None, "target": base // (20 * (p + 1)), "deadline": "2027-03-31"}
        for p in range(min(5, len(org.branch_count)))
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
