"""The truth file compared with the landed files, clause by clause, without running the attribution."""

import duckdb

PLANTED_NEEDS = {"names", "duplicates", "restatement", "candidates", "as_is", "staleness", "inheritance"}

# A rep's branch on a day: the last version of each assignment, which ends if an extract lacks it. Of several
# assignments the one in the latest extract counts, and among these the primary one.
ASSIGNED_AT = """
    with extracts as (
        select extracted_on, lead(extracted_on) over (order by extracted_on) as next_extract,
            extracted_on = min(extracted_on) over () as is_first
        from (select distinct extracted_on from rep_assignments)
    ),
    reported as (
        select a.*, e.next_extract,
            coalesce(a.valid_from::date, case when e.is_first then date '1900-01-01' end) as starts_on
        from rep_assignments a join extracts e using (extracted_on)
    ),
    dated as (
        select *, coalesce(starts_on, min(extracted_on) over (partition by rep_id, branch_id, valid_from)) as begins_on,
            row_number() over (partition by rep_id, branch_id, valid_from order by extracted_on desc) as nth
        from reported
    ),
    assignments as (
        select rep_id, branch_id, extracted_on, is_primary,
            min(begins_on) over (partition by rep_id, branch_id, valid_from) as begins_on,
            least(coalesce(valid_to::date, date '9999-01-01'), coalesce(next_extract, date '9999-01-01')) as ends_on
        from dated qualify nth = 1
    )
    select s.deal_id, p.branch_id
    from signals s join assignments p on p.rep_id = s.rep_id and p.begins_on <= s.credit_on and s.credit_on < p.ends_on
    qualify rank() over (partition by s.deal_id order by p.extracted_on desc, p.is_primary = 'true' desc) = 1
"""


def rows(landed: duckdb.DuckDBPyConnection, query: str) -> list[tuple]:
    return landed.execute(query).fetchall()


def test_every_deal_has_one_answer(landed: duckdb.DuckDBPyConnection) -> None:
    query = """select coalesce(d.deal_id, t.deal_id) from (select distinct deal_id
        from deals) d full join truth_deals t using (deal_id)
        group by 1 having count(d.deal_id) <> 1 or count(t.deal_id) <> 1"""
    assert rows(landed, query) == []


def test_every_trap_is_planted(landed: duckdb.DuckDBPyConnection) -> None:
    traps = rows(landed, "select distinct trap::integer from truth_deals where trap <> '' order by 1")
    assert [t for (t,) in traps] == list(range(1, 29))
    needs = {n for (n,) in rows(landed, "select distinct needs from truth_deals where needs <> ''")}
    assert needs == PLANTED_NEEDS


def test_answers_are_well_formed(landed: duckdb.DuckDBPyConnection) -> None:
    query = """
        select deal_id from truth_deals
        where case coalesce(expected_rung, '')
            when '' then "case" <> 'deleted' or expected_branch_id is not null
            when 'L11' then expected_branch_id <> 'UNKNOWN:' || expected_partner_id or expected_reason is null
            when 'L12' then expected_branch_id <> 'UNRESOLVED' or expected_reason is null
            when 'L13' then expected_branch_id <> 'DIRECT'
            else expected_branch_id is null or expected_branch_id like 'UN%' or expected_rung not in
                ('L0', 'L1', 'L2', 'L3', 'L4', 'L5', 'L6', 'L7', 'L8', 'L9', 'L10') end
           or (damaged is not null and (deal_id not like 'D%' or expected_rung in ('L0', 'L11', 'L12', 'L13')))
           or (evidence_sufficient = 'true') = (coalesce(expected_rung, '') in ('L11', 'L12', ''))
    """
    assert rows(landed, query) == []


def test_planted_branches_belong_to_their_partner(landed: duckdb.DuckDBPyConnection) -> None:
    query = """
        select t.deal_id from truth_deals t join branches b on b.branch_id = t.expected_branch_id
        where b.partner_id <> t.expected_partner_id
    """
    assert rows(landed, query) == []


def test_no_answer_is_a_branch_that_was_not_open(landed: duckdb.DuckDBPyConnection) -> None:
    query = """
        with last as (from branches qualify row_number() over (partition by branch_id order by extracted_on desc) = 1)
        select t.deal_id from truth_deals t join last b on b.branch_id = t.expected_branch_id
        where t.expected_rung <> 'L0'
          and (t.expected_credit_on::date < b.opened_on::date or t.expected_credit_on::date >= b.closed_on::date)
    """
    assert rows(landed, query) == []


def test_reps_were_assigned_to_the_expected_branch(landed: duckdb.DuckDBPyConnection) -> None:
    landed.execute(
        """
        create or replace temp table signals as
        with mails as (select distinct owner_id as rep_id, value from contact_points where owner_type = 'rep'
            and kind = 'email'),
        named as (
            select deal_id, rep_id, 'L4' as rung from current_deals where rep_id is not null
            union all select deal_id, party_id, 'L4' from deal_participants where party_type = 'rep'
                and is_primary = 'true'
            union all select deal_id, m.rep_id, 'L5' from current_deals d join mails m on m.value = d.rep_email
            union all select r.deal_id, coalesce(r.rep_id, m.rep_id), 'L2' from deal_registrations r
                left join mails m on m.value = r.rep_email
                where r.status = 'approved' and r.deal_id is not null and coalesce(r.rep_id, m.rep_id) is not null
        )
        select distinct deal_id, rep_id, expected_branch_id, expected_credit_on::date as credit_on
        from named join truth_deals using (deal_id)
        where rung = expected_rung and deal_id like 'D%' and damaged is null
        """
    )
    assert rows(landed, "select count(*) from signals")[0][0] > 100
    query = f"""
        select s.* from signals s left join ({ASSIGNED_AT}) p using (deal_id)
        group by all having count(p.branch_id) <> 1 or max(p.branch_id) <> s.expected_branch_id
    """
    assert rows(landed, query) == []


def test_branch_signals_name_the_expected_branch(landed: duckdb.DuckDBPyConnection) -> None:
    query = """
        select t.deal_id from truth_deals t join current_deals d using (deal_id)
        left join deal_registrations r on r.deal_id = t.deal_id and r.status = 'approved'
        left join deal_participants p
            on p.deal_id = t.deal_id and p.party_type = 'branch' and p.role in ('seller', 'reseller')
                and p.is_primary = 'true'
        left join contact_points c on c.owner_type = 'branch' and c.kind = 'email' and c.value = d.rep_email
            and c.extracted_on = date '2026-04-05'
        where t.deal_id like 'D%' and t.damaged is null and (
            (t.expected_rung = 'L1' and r.branch_id is distinct from t.expected_branch_id)
            or (t.expected_rung = 'L3' and coalesce(d.branch_id, p.party_id) is distinct from t.expected_branch_id)
            or (t.expected_rung = 'L6' and c.owner_id is distinct from t.expected_branch_id))
    """
    assert rows(landed, query) == []


def test_partner_alone_has_one_branch_and_direct_has_no_evidence(landed: duckdb.DuckDBPyConnection) -> None:
    sole = """
        select t.deal_id from truth_deals t join current_deals d using (deal_id)
        left join (select distinct partner_id, branch_id from branches) b on b.partner_id = d.partner_id
        where t.expected_rung = 'L10' and t.needs is null and t.damaged is null group by 1, t.expected_branch_id
        having count(b.branch_id) > 1 or coalesce(max(b.branch_id), 'IMPLICIT:'
            || max(d.partner_id)) <> t.expected_branch_id
    """
    assert rows(landed, sole) == []
    direct = """
        select d.deal_id from current_deals d join truth_deals t using (deal_id)
        where t.expected_rung = 'L13' and (coalesce(d.partner_id, d.branch_id, d.rep_id, d.rep_email, d.branch_text,
            d.rep_text) is not null
            or coalesce(d.channel, 'direct') <> 'direct'
            or (d.partner_text not in ('なし', '直販', '-', 'ー', '無し') and t.trap is distinct from '19')
            or d.deal_id in (select deal_id from deal_participants)
            or d.deal_id in (select deal_id from deal_registrations where status = 'approved' and deal_id is not null))
    """
    assert rows(landed, direct) == []


def test_credit_dates_are_business_dates(landed: duckdb.DuckDBPyConnection) -> None:
    landed.execute("set timezone = 'Asia/Tokyo'")
    query = """
        with submitted as (
            select deal_id, min(submitted_at::timestamptz)::date as submitted_on from deal_registrations
            where status = 'approved' and deal_id is not null group by 1
        ),
        entered as (select deal_id, min(entered_at::timestamptz)::date as entered_on from deal_stage_history group by 1)
        select t.deal_id, t.expected_credit_on from truth_deals t join current_deals d using (deal_id)
        left join submitted using (deal_id) left join entered using (deal_id)
        where t."case" not in ('deleted', 'the distributor registered it, a rep of the reseller sells it',
            'approved, but expired before the deal existed')
          and t.expected_credit_on::date is distinct from
            coalesce(submitted_on, d.created_at::timestamptz::date, entered_on, d.won_on::date, d.extracted_on)
    """
    assert rows(landed, query) == []


def test_expected_money_events_add_up(landed: duckdb.DuckDBPyConnection) -> None:
    query = """
        select e.deal_id, sum(e.amount::bigint) from truth_events e join current_deals d using (deal_id)
        where d.currency = 'JPY' and d.amount is not null
        group by 1, d.amount
        having sum(e.amount::bigint) filter (event_type = 'won') <> d.amount::bigint
    """
    assert rows(landed, query) == []
    assert rows(landed, "select count(distinct deal_id) from truth_events")[0][0] >= 10
