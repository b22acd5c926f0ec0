"""The sample company's activities and attendees, inquiries, leads passed to branches, cases and their sharing."""

from collections.abc import Mapping

import numpy as np

from tools.sample import names, support
from tools.sample.calendar import AS_OF, DELTA_EXTRACTS, START, business_day, some_business_day
from tools.sample.causes import PROGRAMMES, Causes
from tools.sample.deals import seconds, within
from tools.sample.organisation import NEVER, Organisation
from tools.sample.writing import Writer, register, sql_list

TYPES = (
    "study_session", "joint_visit", "regular_meeting", "qbr", "seminar", "training", "call", "email", "chat", "portal",
    "campaign", "other",
)  # fmt: skip
# Contacts about deals and in between. Sessions, joint visits and programmes have their own dates.
TYPE_MIX = np.array([0, 0, 0.14, 0.01, 0.03, 0, 0.22, 0.2, 0.05, 0.03, 0.03, 0.02])
OF_PROGRAMME = {"campaign": "campaign", "training": "seminar", "seminar": "seminar", "portal": "portal",
    "incentive": "email"}  # fmt: skip
NOTES = ("製品説明", "案件相談", "事例紹介", "進捗確認", "価格相談")
NEXT_ACTIONS = ("見積提出", "同行日程の調整", "資料送付", "勉強会の案内")
WITH_DEAL = (1, 6, 7)
MASS = (10,)
QUICK, SLOW = 1, 2  # how soon a branch called an accepted lead; plus QUICK + SLOW if it became a deal


def write_activities(
    org: Organisation,
    causes: Causes,
    writer: Writer,
    rng: np.random.Generator,
    deals: Mapping[str, np.ndarray],
    total: int,
    part: int | None,
) -> None:
    """Write one chunk's activities (three per deal) and attendees (two per activity).

    Sessions, joint visits and programmes come before what they bring; the rest are contacts around the deals.
    """
    n = 3 * len(deals["id"])
    base = int(deals["id"][0])
    # The chunk's part of the sessions is its part of the deals.
    held = np.arange(*(len(causes.sessions["on"]) * at // total for at in (base, base + len(deals["id"]))))
    visited = np.flatnonzero(deals["visit"] != NEVER)
    brought = np.flatnonzero(deals["programme"] != NEVER)
    rest = max(0, n - len(held) - len(visited) - len(brought))
    about = np.concatenate([np.full(len(held), NEVER), visited, brought, rng.integers(0, len(deals["id"]), rest)])
    source = np.repeat(np.arange(4), [len(held), len(visited), len(brought), rest])
    n = len(about)
    kinds = [OF_PROGRAMME[kind] for _, _, kind, *_ in PROGRAMMES]
    programme = np.where(source == 2, deals["programme"][about], NEVER)
    kind = np.concatenate([
        np.array([TYPES.index(k) for k in causes.sessions["kind"][held]], dtype=np.int64), np.full(len(visited), 1),
        np.array([TYPES.index(k) for k in kinds])[deals["programme"][brought]],
        rng.choice(len(TYPES), rest, p=TYPE_MIX / TYPE_MIX.sum()),
    ])  # fmt: skip
    around = deals["created"][about] + np.where(source == 2, -rng.integers(1, 15, n), rng.integers(-40, 75, n))
    # Days outside of the calendar are mirrored into it, so that its ends have no pile of events.
    around = START + np.abs(AS_OF - START - np.abs(AS_OF - around))
    on = around
    on[: len(held)] = causes.sessions["on"][held]
    on = some_business_day(rng, on)
    on = np.where(source == 1, deals["visit"][about], on)
    post = deals["post_branch"][about]
    post[: len(held)] = causes.sessions["branch"][held]
    on = np.where(source == 3, np.maximum(on, business_day(org.branch_opened[post] + 4)), on)
    order = np.argsort(on, kind="stable")
    about, kind, on, source, post, programme = (x[order] for x in (about, kind, on, source, post, programme))
    branch = org.place(post, on)
    direct = (deals["branch"][about] == NEVER) & (source > 0)
    # One joint visit in ten does not name its deal.
    of_deal = ((source == 1) & within(rng, n, 0.9)) | (source == 2)
    of_deal |= (source == 3) & np.isin(kind, WITH_DEAL) & ~direct & (on >= deals["created"][about])
    mass = np.isin(kind, MASS)
    for i, what in enumerate(kinds):  # the programme's other activities, which brought nothing
        beside = (source == 3) & (kind == TYPES.index(what)) & np.isin(kind, (4, 9, 10)) & causes.member[i][branch]
        programme[beside & (on >= causes.joined[i, 0]) & (on < causes.joined[i, 1])] = i
    met = within(rng, n, 0.95) | np.isin(source, (0, 1, 2))
    planned = (on > AS_OF - 20) & ~met
    drawn = org.pick_assignment(branch, on, rng.random(n), within(rng, n, 0.5))
    assignment = np.where(within(rng, n, 0.5), org.pick_seller(rng, branch, on), drawn)
    rep = np.where((assignment == NEVER) | mass, NEVER, org.assignments.rep[assignment])
    rep = np.where(kind == 3, org.head_of(branch, on), rep)
    rep = np.where((source == 1) & (deals["rep"][about] != NEVER), deals["rep"][about], rep)
    second = org.pick_assignment(branch, on, rng.random(n), within(rng, n, 0.0))
    second = np.where((second == NEVER) | (kind != 0), NEVER, org.assignments.rep[second])
    second = np.where(second == rep, NEVER, second)
    action = within(rng, n, 0.5)
    due = np.where(action, on + rng.integers(5, 30, n), NEVER)
    register(
        writer.con,
        "a",
        {
            "id": 3 * base + np.arange(n), "kind": kind, "occurred": on, "second_s": seconds(rng, n),
            "lag": rng.integers(0, 5, n) * within(rng, n, 0.4),
                "branch": np.where(branch < org.real_branches, branch, NEVER),
            "partner": org.branch_partner[branch], "deal": np.where(of_deal, deals["id"][about], NEVER), "mass": mass,
            "staff": org.partner_staff[org.branch_partner[branch]], "minutes": rng.integers(1, 9, n) * 15,
                "timed": within(rng, n, 0.8),
            "status": np.where(planned, 0, np.where(met, 1, 2)), "noted": within(rng, n, 0.7), "due": due,
            "done": np.where(
                action & within(rng, n, 0.7) & (due < AS_OF), business_day(due + rng.integers(-3, 9, n)), NEVER
            ),
            "programme": programme, "second_rep": second, "second_surname": org.rep_surname[np.maximum(second, 0)],
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
                case when programme >= 0 then 'PG' || (programme + 1) end as programme_id,
                staff_of(staff) as staff_id,
                case when timed and kind not in (7, 8, 9) then minutes end as duration_minutes,
                case when kind in (7, 9) then id % 3 = 0 end as is_two_way, mass as is_mass,
                ['planned', 'held', 'cancelled'][1 + status] as status,
                case when noted then {sql_list(NOTES)}[1 + id % 5] end as note,
                case when due >= 0 then {sql_list(NEXT_ACTIONS)}[1 + id % 4] end as next_action,
                day_of(due) as next_action_due_on, case when done <= {x} then day_of(done) end as next_action_done_on,
                case when noted and id % 20 = 7 then 'managers' when noted and id % 4 = 0 then 'everyone' end
                    as note_audience
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
                        who := rep_of(rep), type := if(kind = 3, 'branch_head', 'rep'), rep := rep,
                        family := surname) end,
                    case when second_rep >= 0 then struct_pack(
                        who := rep_of(second_rep), type := 'rep', rep := second_rep,
                        family := second_surname) end,
                    case when with_staff then struct_pack(who := staff_of(staff), type := 'staff', rep := -1,
                        family := -1) end,
                    case when with_customer then struct_pack(who := 'VISITED', type := 'customer', rep := -1,
                        family := -1) end,
                    case when kind = 3 and id % 2 = 0 then struct_pack(
                        who := 'EXEC-' || partner_of(partner), type := 'executive', rep := -1, family := -1) end
                ]) as person, came, status, partner from a where {recent}
            )
            select id_of('A', 9, id + 1) as activity_id, person.who as attendee_id, person.type as attendee_type,
                case when id % 9 > 0 then rep_of(person.rep) end as rep_id,
                case when id % 9 = 0 and person.rep >= 0
                    then email_of(person.rep, person.family, partner) end as rep_email,
                case when status = 0 then 'registered' when came then 'attended' else 'no_show' end as attendance
            from present where person is not null order by id, person.who""",
            part,
            ordered=True,
        )


def write_leads(
    org: Organisation,
    causes: Causes,
    writer: Writer,
    rng: np.random.Generator,
    deals: Mapping[str, np.ndarray],
    base: int,
    part: int | None,
) -> None:
    """Write one chunk's leads that the vendor passed to branches; more became deals if the branch called soon."""
    candidate = (deals["branch"] != NEVER) & (deals["parent"] == NEVER) & (deals["programme"] == NEVER)
    chosen = np.flatnonzero(candidate & within(rng, len(deals["id"]), 0.08))
    passed = business_day(deals["created"][chosen] - rng.integers(14, 40, len(chosen)))
    branch = deals["branch"][chosen]
    valid = (passed >= np.maximum(START, org.branch_opened[branch])) & (branch < org.real_branches)
    chosen, passed, branch = chosen[valid], passed[valid], branch[valid]
    n, effects = len(chosen), causes.effects
    quick = within(rng, n, 0.5)
    accepted = within(rng, n, 0.8)
    became = accepted & (rng.random(n) < np.where(quick, effects.quick_lead, effects.slow_lead))
    contact = business_day(passed + np.where(quick, rng.integers(1, 8, n), rng.integers(8, 14, n)))
    # A lead of a branch in a running programme comes from it, one in two.
    programme = causes.programme_of(branch, passed, 0)
    programme = np.where(np.arange(n) % 2 == 0, programme, NEVER)
    deals["lead_programme"][chosen] = np.where(became, programme, NEVER)
    deals["lead"][chosen] = np.where(accepted, np.where(quick, QUICK, SLOW), 0) + became * (QUICK + SLOW)
    register(
        writer.con,
        "s",
        {
            "id": base + np.arange(n), "passed": passed, "second_s": seconds(rng, n), "branch": branch,
            "accepted": np.where(accepted, np.minimum(passed + rng.integers(0, 6, n), AS_OF), NEVER),
            "contacted": np.where(accepted, np.minimum(contact, AS_OF), NEVER),
            "deal": np.where(became, deals["id"][chosen], NEVER),
            "created": np.where(became, deals["created"][chosen], NEVER), "programme": programme,
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
                case when created <= {x} then deal_of(deal) end as deal_id,
                case when programme >= 0 then 'PG' || (programme + 1) end as programme_id
            from s where {touched}""",
            part,
        )


def write_others(org: Organisation, causes: Causes, writer: Writer, rng: np.random.Generator) -> None:
    """Write inquiries, of which some led to a partner's contract, cases and their sharing."""
    n = max(60, org.size // 15)
    on = np.sort(rng.integers(START, AS_OF, n))
    kind = rng.choice(6, n, p=[0.25, 0.2, 0.05, 0.3, 0.12, 0.08])
    became = np.full(n, NEVER)
    new = np.flatnonzero(org.partner_since > START + 130)
    # The last inquiry of at least a month before the contract.
    asked = np.searchsorted(on, org.partner_since[new] - rng.integers(30, 120, len(new))) - 1
    became[np.maximum(asked, 0)], kind[np.maximum(asked, 0)] = new, 0
    register(
        writer.con,
        "i",
        {
            "id": np.arange(n), "received": on, "second_s": seconds(rng, n), "kind": kind,
            "industry": rng.integers(0, len(names.INDUSTRIES) + 1, n),
            "prefecture": rng.integers(0, len(names.PREFECTURES), n), "partner": became,
        },
    )  # fmt: skip
    cases, shares = causes.cases, causes.shares
    register(writer.con, "k", {"id": np.arange(len(cases["kind"])), **cases, **support.case_ends(org, cases)})
    register(writer.con, "h", shares)
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
                    shareable as is_shareable, day_of(recorded) as recorded_on,
                {sql_list(support.TOPICS)}[1 + topic] as topic,
                case when closed <= {x} then day_of(closed) end as closed_on,
                case when closed <= {x} then id_of('CS', 5, solved_by + 1) end as solved_by_case_id
            from k where (recorded > {after} or closed > {after}) and recorded <= {x}""",
        )
        writer.write(
            "case_shares",
            x,
            f"""select id_of('CS', 5, "case" + 1) as case_id, branch_of("to") as to_branch_id,
                day_of(shared) as shared_on, case when adopted <= {x} then day_of(adopted) end as adopted_on
            from h where shared <= {x} and (shared > {after} or (adopted > {after} and adopted <= {x}))""",
        )
