"""The sample company's activities and attendees, inquiries, leads passed to branches, cases and their sharing."""

from collections.abc import Mapping

import numpy as np

from tools.sample import names
from tools.sample.calendar import AS_OF, DELTA_EXTRACTS, START
from tools.sample.deals import seconds, within
from tools.sample.organisation import NEVER, Organisation, scaled
from tools.sample.writing import Writer, register, sql_list

TYPES = (
    "study_session", "joint_visit", "regular_meeting", "qbr", "seminar", "training", "call", "email", "chat", "portal",
    "campaign", "other",
)  # fmt: skip
TYPE_MIX = np.array([0.09, 0.14, 0.14, 0.01, 0.03, 0.04, 0.22, 0.2, 0.05, 0.03, 0.03, 0.02])
NOTES = ("製品説明", "案件相談", "事例紹介", "進捗確認", "価格相談")
NEXT_ACTIONS = ("見積提出", "同行日程の調整", "資料送付", "勉強会の案内")
WITH_DEAL = (1, 6, 7)
MASS = (10,)


def write_activities(
    org: Organisation,
    writer: Writer,
    rng: np.random.Generator,
    deals: Mapping[str, np.ndarray],
    base: int,
    part: int | None,
) -> None:
    """Write one chunk's activities (three per deal) and attendees (two per activity)."""
    n = 3 * len(deals["id"])
    about = rng.integers(0, len(deals["id"]), n)
    kind = rng.choice(len(TYPES), n, p=TYPE_MIX / TYPE_MIX.sum())
    on = deals["created"][about] + rng.integers(-40, 75, n)
    # Days outside of the calendar are mirrored into it, so that its ends have no pile of events.
    on = START + np.abs(AS_OF - START - np.abs(AS_OF - on))
    order = np.argsort(on, kind="stable")
    about, kind, on = about[order], kind[order], on[order]
    branch = org.place(deals["post_branch"][about], on)
    direct = deals["branch"][about] == NEVER
    of_deal = np.isin(kind, WITH_DEAL) & ~direct & (on >= deals["created"][about])
    mass = np.isin(kind, MASS)
    held = within(rng, n, 0.95)
    planned = (on > AS_OF - 20) & ~held
    assignment = org.pick_assignment(branch, on, rng.random(n), within(rng, n, 0.5))
    rep = np.where((assignment == NEVER) | mass, NEVER, org.assignments.rep[assignment])
    action = within(rng, n, 0.5)
    due = np.where(action, on + rng.integers(5, 30, n), NEVER)
    register(
        writer.con,
        "a",
        {
            "id": base + np.arange(n), "kind": kind, "occurred": on, "second_s": seconds(rng, n),
            "lag": rng.integers(0, 5, n) * within(rng, n, 0.4),
                "branch": np.where(branch < org.real_branches, branch, NEVER),
            "partner": org.branch_partner[branch], "deal": np.where(of_deal, deals["id"][about], NEVER), "mass": mass,
            "staff": org.partner_staff[org.branch_partner[branch]], "minutes": rng.integers(1, 9, n) * 15,
                "timed": within(rng, n, 0.8),
            "status": np.where(planned, 0, np.where(held, 1, 2)), "noted": within(rng, n, 0.7), "due": due,
            "done": np.where(action & within(rng, n, 0.7) & (due < AS_OF), due + rng.integers(-3, 9, n), NEVER),
            "rep": rep, "surname": org.rep_surname[np.maximum(rep, 0)], "with_staff": within(rng, n, 0.75) & ~mass,
                "with_customer": (kind == 1) & within(rng, n, 0.9),
            "came": within(rng, n, 0.9),
        },
    )  # fmt: skip
    for k, x in enumerate(DELTA_EXTRACTS):
        after = DELTA_EXTRACTS[k - 1] if k else NEVER
        recent = f"occurred > {after} and occurred <= {x}"
        writer.write(
            "activities",
            x,
            f"""select id_of('A', 9, id + 1) as activity_id, {sql_list(TYPES)}[kind + 1] as activity_type,
                local_of(occurred, second_s) as occurred_at,
                case when noted then local_of(least(occurred + lag, {x}), 72000) end as logged_at,
                partner_of(partner) as partner_id, branch_of(branch) as branch_id, deal_of(deal) as deal_id,
                case when kind = 10 then 'PG' || (1 + id % 6) end as programme_id, staff_of(staff) as staff_id,
                case when timed and kind not in (7, 8, 9) then minutes end as duration_minutes,
                case when kind in (7, 9) then id % 3 = 0 end as is_two_way, mass as is_mass,
                ['planned', 'held', 'cancelled'][1 + status] as status,
                case when noted then {sql_list(NOTES)}[1 + id % 5] end as note,
                case when due >= 0 then {sql_list(NEXT_ACTIONS)}[1 + id % 4] end as next_action,
                day_of(due) as next_action_due_on, case when done <= {x} then day_of(done) end as next_action_done_on
            from a where ({recent}) or (done > {after} and done <= {x} and occurred <= {x})""",
            part,
            ordered=True,
        )
        writer.write(
            "activity_attendees",
            x,
            f"""with present as (
                select id, unnest([
                    case when rep >= 0 then struct_pack(
                        who := rep_of(rep), type := if(kind = 3, 'branch_head', 'rep'), rep := rep) end,
                    case when with_staff then struct_pack(who := staff_of(staff), type := 'staff', rep := -1) end,
                    case when with_customer then struct_pack(who := 'VISITED', type := 'customer', rep := -1) end,
                    case when kind = 3 and id % 2 = 0 then struct_pack(
                        who := 'EXEC-' || partner_of(partner), type := 'executive', rep := -1) end
                ]) as person, came, status, surname, partner from a where {recent}
            )
            select id_of('A', 9, id + 1) as activity_id, person.who as attendee_id, person.type as attendee_type,
                case when id % 9 > 0 then rep_of(person.rep) end as rep_id,
                case when id % 9 = 0 and person.rep >= 0 then email_of(person.rep, surname, partner) end as rep_email,
                case when status = 0 then 'registered' when came then 'attended' else 'no_show' end as attendance
            from present where person is not null order by id, person.who""",
            part,
            ordered=True,
        )


def write_leads(
    org: Organisation,
    writer: Writer,
    rng: np.random.Generator,
    deals: Mapping[str, np.ndarray],
    base: int,
    part: int | None,
) -> None:
    """Write one chunk's leads that the vendor passed to branches; half of them became a deal."""
    chosen = np.flatnonzero(
        (deals["branch"] != NEVER) & (deals["parent"] == NEVER) & within(rng, len(deals["id"]), 0.06)
    )
    n = len(chosen)
    passed = np.maximum(deals["created"][chosen] - rng.integers(10, 40, n), START)
    branch = org.place(deals["branch"][chosen], passed)
    became = within(rng, n, 0.5) & (branch == deals["branch"][chosen]) & (passed < deals["created"][chosen])
    real = np.flatnonzero(branch < org.real_branches)
    accepted = became | within(rng, n, 0.6)
    register(
        writer.con,
        "s",
        {
            "id": base + real, "passed": passed[real], "second_s": seconds(rng, n)[real], "branch": branch[real],
            "accepted": np.where(accepted, np.minimum(passed + rng.integers(0, 6, n), AS_OF), NEVER)[real],
            "contacted": np.where(accepted & within(rng, n, 0.8), np.minimum(passed + rng.integers(6, 20, n), AS_OF),
                NEVER)[real],
            "deal": np.where(became, deals["id"][chosen], NEVER)[real],
            "created": np.where(became, deals["created"][chosen], NEVER)[real],
        },
    )  # fmt: skip
    for k, x in enumerate(DELTA_EXTRACTS):
        after = DELTA_EXTRACTS[k - 1] if k else -1
        touched = " or ".join(f"({c} > {after} and {c} <= {x})" for c in ("passed", "accepted", "contacted", "created"))
        writer.write(
            "leads_supplied",
            x,
            f"""select id_of('LD', 7, id + 1) as lead_id, branch_of(branch) as branch_id,
                local_of(passed, second_s) as passed_at,
                case when accepted <= {x} then local_of(accepted, 75000) end as accepted_at,
                case when contacted <= {x} then local_of(contacted, 79000) end as first_contact_at,
                case when created <= {x} then deal_of(deal) end as deal_id
            from s where {touched}""",
            part,
        )


def write_others(org: Organisation, writer: Writer, rng: np.random.Generator) -> None:
    """Write inquiries, cases and their sharing."""
    n = max(60, org.size // 15)
    cases = max(20, scaled(org.size, (24, 80, 2_000, 5_000)))
    cum = np.cumsum(org.weight[: org.real_branches])

    def branches(count: int, on: np.ndarray) -> np.ndarray:
        drawn = np.searchsorted(cum / cum[-1], rng.random(count), side="right").clip(0, len(cum) - 1)
        return org.place(drawn, on)

    on = np.sort(rng.integers(START, AS_OF, n))
    register(
        writer.con,
        "i",
        {
            "id": np.arange(n), "received": on, "second_s": seconds(rng, n),
                "kind": rng.choice(6, n, p=[0.25, 0.2, 0.05, 0.3, 0.12, 0.08]),
            "industry": rng.integers(0, len(names.INDUSTRIES) + 1, n),
                "prefecture": rng.integers(0, len(names.PREFECTURES), n),
            "partner": np.where(within(rng, n, 0.05), rng.integers(0, len(org.branch_count), n), NEVER),
        },
    )  # fmt: skip
    case_on = np.sort(rng.integers(START, AS_OF - 60, cases))
    case_branch = branches(cases, case_on)
    p = org.branch_partner[case_branch]
    sister = org.first_branch[p] + (case_branch - org.first_branch[p] + 1) % np.maximum(org.branch_count[p], 1)
    sister = org.place(sister, case_on)
    register(
        writer.con,
        "k",
        {
            "id": np.arange(cases), "recorded": case_on, "branch": case_branch,
                "sister": np.where(sister == case_branch, NEVER, sister),
            "kind": rng.choice(3, cases, p=[0.6, 0.25, 0.15]), "shared": case_on + rng.integers(5, 60, cases),
            "adopted": within(rng, cases, 0.4), "shareable": within(rng, cases, 0.7),
        },
    )  # fmt: skip
    for e, x in enumerate(DELTA_EXTRACTS):
        after = DELTA_EXTRACTS[e - 1] if e else -1
        writer.write(
            "inquiries",
            x,
            f"""select id_of('IQ', 6, id + 1) as inquiry_id, zulu_of(received, second_s) as received_at,
                '株式会社' || ['はるか', 'まこと', 'いろは', 'つくし'][1 + id % 4] || (id + 1) as company_name,
                {sql_list(names.INDUSTRIES)}[1 + industry] as industry,
                    {sql_list(names.PREFECTURES)}[1 + prefecture] as prefecture,
                ['resale', 'referral', 'oem', 'product', 'spam', 'other'][1 + kind] as kind,
                    case when kind < 3 then partner_of(partner) end as became_partner_id
            from i where received > {after} and received <= {x}""",
        )
        writer.write(
            "cases",
            x,
            f"""select id_of('CS', 5, id + 1) as case_id, branch_of(branch) as branch_id,
                ['success', 'failure', 'issue'][1 + kind] as kind,
                ['head', 'manager', 'rep'][1 + id % 3] as level, product_of(id % 12) as product_id,
                    {sql_list(names.INDUSTRIES)}[1 + id % 10] as customer_industry,
                ['短期間で導入', '価格で失注', '競合から切替', '体制の不足'][1 + id % 4] as summary,
                    shareable as is_shareable, day_of(recorded) as recorded_on
            from k where recorded > {after} and recorded <= {x}""",
        )
        writer.write(
            "case_shares",
            x,
            f"""select id_of('CS', 5, id + 1) as case_id, branch_of(sister) as to_branch_id,
                day_of(shared) as shared_on,
                case when adopted and shared + 45 <= {x} then day_of(shared + 45) end as adopted_on
            from k where shareable and sister >= 0 and ((shared > {after} and shared <= {x}) or (adopted
                and shared + 45 > {after} and shared + 45 <= {x}))""",
        )
