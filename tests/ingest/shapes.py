"""A company's contract-shaped files, reduced to the data of a CRM, and the same company in the form of other systems.

A CRM has one assignment per person and no history except its extracts; a branch that is only a text has no id. The
original is reduced in the same way, so that both must give the same marts. Each partner's branches have one of the
four shapes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from orchestration.contract import load_contract
from orchestration.home import Home
from tests.sample.conftest import read_dataset

ACCOUNT_PER_BRANCH, CHILD_ACCOUNTS, BRANCH_OBJECT, FREE_TEXT = range(4)
CARRIED = (
    "deals", "deal_stage_history", "deal_lines", "deal_participants", "customers", "products", "staff", "partners",
    "branches", "reps", "rep_assignments",
)  # fmt: skip
ROSTER = ("branches", "rep_assignments")  # if the CRM has only a text, a separate roster has the branches
CUT = f"""
create macro utc(t) as case when t like '%Z' then t
    else strftime(t::timestamp - interval 9 hours, '%Y-%m-%dT%H:%M:%SZ') end;

-- A partner with an account per branch has no account of its own, so it needs a branch on every day.
create table partner_shapes as
with counted as (
    select partner_id, count(distinct extracted_on) as days, row_number() over (order by partner_id) % 4 as shape
    from partners group by partner_id
),
with_branches as (select partner_id, count(distinct extracted_on) as days from branches group by partner_id)
select
    partner_id,
    case when shape = {ACCOUNT_PER_BRANCH} and counted.days is distinct from with_branches.days then {CHILD_ACCOUNTS}
        else shape end as shape
from counted left join with_branches using (partner_id);

create table branch_shapes as
select branch_id, max(partner_id) as partner_id, max_by(branch_name, extracted_on) as branch_name, max(shape) as shape
from branches join partner_shapes using (partner_id) group by branch_id;

create table assigned as
with dated as (
    select a.extracted_on, a.rep_id, s.partner_id, s.shape, valid_from, valid_to, is_primary,
        a.branch_id as assigned_branch,
        case when b.branch_id is not null and coalesce(valid_from::date, a.extracted_on) <= a.extracted_on
            and coalesce(valid_to::date, a.extracted_on) >= a.extracted_on then a.branch_id end as branch_id
    from rep_assignments as a
    left join branches as b on a.branch_id = b.branch_id and a.extracted_on = b.extracted_on
    join branch_shapes as s on a.branch_id = s.branch_id
)
select extracted_on, rep_id, partner_id, shape, branch_id from dated
qualify row_number() over (partition by extracted_on, rep_id order by branch_id is null, is_primary = 'true' desc,
    valid_to desc nulls first, valid_from desc nulls last, assigned_branch) = 1;

create table holders as
select reps.*, partner_id, branch_id, shape from reps join assigned using (extracted_on, rep_id)
where branch_id is not null or shape <> {ACCOUNT_PER_BRANCH};
create or replace table reps as select * exclude (partner_id, branch_id, shape) from holders;
create or replace table rep_assignments as
select rep_id, branch_id, null as valid_from, null as valid_to, null as is_primary, null as role, extracted_on
from holders where branch_id is not null;

create table parties as
select extracted_on, partner_id as id, 'partner' as kind, shape from partners join partner_shapes using (partner_id)
where shape <> {ACCOUNT_PER_BRANCH}
union all
select extracted_on, branch_id, 'branch', s.shape from branches join branch_shapes as s using (branch_id)
where s.shape in ({ACCOUNT_PER_BRANCH}, {CHILD_ACCOUNTS});

create or replace table deals as
select d.* replace (
    utc(d.created_at) as created_at,
    utc(d.updated_at) as updated_at,
    coalesce(d.closed_on, d.expected_close_on) as expected_close_on,
    case when h.rep_id is not null then d.rep_id end as rep_id,
    case when s.shape = {FREE_TEXT} then s.branch_name else d.branch_text end as branch_text,
    case when s.shape is distinct from {FREE_TEXT} then d.branch_id end as branch_id,
    case when s.shape in ({ACCOUNT_PER_BRANCH}, {CHILD_ACCOUNTS}) and d.partner_id = s.partner_id then null
        else d.partner_id end as partner_id
)
from deals as d
left join branch_shapes as s on d.branch_id = s.branch_id
left join holders as h on d.rep_id = h.rep_id and d.extracted_on = h.extracted_on;

create or replace table deal_participants as
select p.* replace (utc(added_at) as added_at) from deal_participants as p
join parties on party_id = id and party_type = kind and p.extracted_on = parties.extracted_on;
create or replace table deal_stage_history as select * replace (utc(entered_at) as entered_at) from deal_stage_history;
"""


# The data that a single system does not have.
CUT_MORE = {
    "hubspot": "update deal_participants set is_primary = null, added_at = null",
    "kintone": """
        update deal_participants set is_primary = null, added_at = null;
        update deals set is_deleted = null;
        create temp table there as select extracted_on, deal_id from deals;
        delete from deal_lines where (extracted_on, deal_id) not in (select (extracted_on, deal_id) from there);
        delete from deal_participants
        where (extracted_on, deal_id) not in (select (extracted_on, deal_id) from there)""",
}


@contextmanager
def cut_company(home: Home, system: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a database with the datasets that a system has, as texts with their extract date."""
    with duckdb.connect() as con:
        for dataset in CARRIED:
            read_dataset(con, home.landing / dataset, dataset, list(load_contract().datasets[dataset].columns))
        con.execute(f"{CUT};{CUT_MORE.get(system, '')}")
        yield con


def land(con: duckdb.DuckDBPyConnection, home: Home, datasets: tuple[str, ...] = CARRIED, where: str = "true") -> None:
    """Write datasets as landing files of the contract."""
    for dataset in datasets:
        write(con, home.landing / dataset, dataset, dataset, f"from {dataset} where {where}")


def land_roster(con: duckdb.DuckDBPyConnection, home: Home) -> None:
    """Write the data of branches that are free text in the CRM."""
    land(con, home, ROSTER, f"branch_id in (select branch_id from branch_shapes where shape = {FREE_TEXT})")


def write(con: duckdb.DuckDBPyConnection, folder: Path, name: str, days_of: str, query: str) -> None:
    """Write a query's rows as one file per extract date of a dataset; columns that begin with _ only sort them."""
    folder.mkdir(parents=True, exist_ok=True)
    for (day,) in con.execute(f"select distinct extracted_on from {days_of}").fetchall():
        rows = f"select * from ({query}) where extracted_on = date '{day}' order by all"
        columns = "columns(name -> name != 'extracted_on' and not starts_with(name, '_'))"
        con.execute(f"copy (select {columns} from ({rows})) to '{folder}/{name}_{day}.csv' (format csv, header)")


def salesforce(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write the company as Salesforce's objects, in all four shapes of a branch."""
    con.execute(
        """create or replace temp table named as
        select extracted_on, deal_id, coalesce(branch_id, partner_id) as account_id from deals
        join parties using (extracted_on)
        where id = coalesce(branch_id, partner_id) and (branch_id is null or partner_id is null)"""
    )
    objects = {
        ("Opportunity", "deals"): """
            select deal_id as Id, deal_name as Name, customer_id as AccountId, amount as Amount, stage as StageName,
                currency as CurrencyIsoCode, created_at as CreatedDate, expected_close_on as CloseDate,
                (won_on is not null)::varchar as IsWon, (closed_on is not null)::varchar as IsClosed,
                owner_staff_id as OwnerId, updated_at as SystemModstamp, is_deleted as IsDeleted,
                case when account_id is null then partner_id end as Partner__c,
                case when account_id is null then branch_id end as Branch__c,
                deal_type as Type, channel as Channel__c, lost_reason as Lost_Reason__c, rep_email as Rep_Email__c,
                partner_text as Partner_Text__c, branch_text as Branch_Text__c, rep_text as Rep_Text__c,
                customer_name as Customer_Name__c, parent_deal_id as Parent__c, product_id as Product__c,
                partner_commission as Commission__c, vendor_margin as Margin__c, extracted_on
            from deals left join named using (extracted_on, deal_id)""",
        ("OpportunityPartner", "deals"): """
            select 'x' || deal_id as Id, deal_id as OpportunityId, account_id as AccountToId, null as Role,
                'true' as IsPrimary, null as CreatedDate, extracted_on from named
            union all
            select concat_ws('-', deal_id, role, party_id), deal_id, party_id,
                case role when 'reseller' then 'VAR/Reseller' when 'seller' then '販売会社'
                    when 'distributor' then 'Distributor' else 'Consultant' end,
                is_primary, added_at, extracted_on
            from deal_participants""",
        ("OpportunityContactRole", "deals"): """
            select 'y' || deal_id as Id, deal_id as OpportunityId, rep_id as ContactId, extracted_on
            from deals where rep_id is not null""",
        ("OpportunityHistory", "deal_stage_history"): """
            select deal_id || entered_at as Id, deal_id as OpportunityId, stage as StageName, entered_at as CreatedDate,
                extracted_on from deal_stage_history""",
        ("OpportunityLineItem", "deal_lines"): """
            select line_id as Id, deal_id as OpportunityId, product_id as Product2Id, quantity as Quantity,
                amount as TotalPrice, is_recurring as Recurring__c, term_months as Term__c, extracted_on
            from deal_lines""",
        ("Account", "partners"): f"""
            with partner as (
                select * rename (industry as Industry) from partners join partner_shapes using (partner_id)
            ),
            branch as (
                select branches.* rename (is_focus as branch_focus, contract_started_on as started_on,
                    contract_ended_on as ended_on), shape
                from branches join partner_shapes using (partner_id)
            )
            select branch_id as Id, branch_name as Name, null as Type, prefecture as BillingState,
                case shape when {CHILD_ACCOUNTS} then partner_id end as ParentId,
                case shape when {ACCOUNT_PER_BRANCH} then partner_id end as Partner_Group__c,
                partner_name, division_id, division_name, branch_kind, is_head_office, opened_on, closed_on,
                branch_focus, started_on, ended_on, Industry, partner_type, corporate_number, parent_partner_id,
                contract_started_on, contract_ended_on, is_focus, successor_partner_id, succeeded_on, extracted_on
            from branch join partner using (extracted_on, partner_id, shape)
            where shape in ({ACCOUNT_PER_BRANCH}, {CHILD_ACCOUNTS})
            union all by name
            select partner_id as Id, partner_name as Name, 'Partner' as Type, Industry, partner_type,
                corporate_number, parent_partner_id, contract_started_on, contract_ended_on, is_focus,
                successor_partner_id, succeeded_on, extracted_on
            from partner where shape <> {ACCOUNT_PER_BRANCH}
            union all by name
            select customer_id as Id, customer_name as Name, 'Customer - Direct' as Type, prefecture as BillingState,
                industry as Industry, employee_count as NumberOfEmployees, corporate_number, extracted_on
            from customers""",
        ("Branch__c", "partners"): f"""
            select branch_id as Id, branch_name as Name, partner_id as Account__c, prefecture as Prefecture__c,
                division_id, division_name, branch_kind, is_head_office, opened_on, closed_on, is_focus as branch_focus,
                contract_started_on as started_on, contract_ended_on as ended_on, extracted_on
            from branches join partner_shapes using (partner_id) where shape = {BRANCH_OBJECT}""",
        ("Contact", "partners"): f"""
            select rep_id as Id, rep_name as Name, rep_email as Email, job_title as Title, left_on as Left_On__c,
                case when shape in ({ACCOUNT_PER_BRANCH}, {CHILD_ACCOUNTS}) then coalesce(branch_id, partner_id)
                    else partner_id end as AccountId,
                case when shape = {BRANCH_OBJECT} then branch_id end as Branch__c, extracted_on
            from holders""",
        ("Product2", "products"): """
            select product_id as Id, product_name as Name, product_family as Family, is_service, extracted_on
            from products""",
        ("User", "staff"): """
            select staff_id as Id, staff_name as Name, team as Department, mission, monthly_hours,
                support_hours_per_week, extracted_on
            from staff""",
    }  # fmt: skip
    for (name, days_of), query in objects.items():
        write(con, folder, name, days_of, query)


def hubspot(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write the company as HubSpot's objects and associations, in all four shapes of a branch."""
    con.execute(
        f"""create or replace temp table sellers as
        select d.extracted_on, d.deal_id, p.id as partner, b.id as branch, o.branch_id as object
        from deals as d
        left join parties as p on d.extracted_on = p.extracted_on and d.partner_id = p.id and p.kind = 'partner'
        left join parties as b on d.extracted_on = b.extracted_on and d.branch_id = b.id and b.kind = 'branch'
        left join branches as o on d.extracted_on = o.extracted_on and d.branch_id = o.branch_id
            and o.partner_id in (select partner_id from partner_shapes where shape = {BRANCH_OBJECT});
        create or replace temp table stages as
        select stage as label, 's' || row_number() over (order by stage) as stage_id
        from (select stage from deals union select stage from deal_stage_history)"""
    )
    label, own = "select deal_id as from_id, {} as to_object_id, '{}' as association_type_id", "USER_DEFINED"
    role = "case role when 'seller' then '201' when 'reseller' then '202' when 'distributor' then '203' else '204' end"
    objects = {
        ("deals", "deals"): """
            select deal_id as id, deal_name as properties__dealname, amount as properties__amount,
                currency as properties__deal_currency_code, stage_id as properties__dealstage,
                created_at as properties__createdate, expected_close_on || 'T03:00:00Z' as properties__closedate,
                (won_on is not null)::varchar as properties__hs_is_closed_won,
                (closed_on is not null)::varchar as properties__hs_is_closed,
                owner_staff_id as properties__hubspot_owner_id, updated_at as properties__hs_lastmodifieddate,
                is_deleted as archived, case when partner is null then partner_id end as properties__partner_key,
                case when branch is null and object is null then branch_id end as properties__branch_key,
                deal_type as properties__dealtype, channel as properties__channel,
                lost_reason as properties__lost_reason, rep_email as properties__rep_email,
                partner_text as properties__partner_text, branch_text as properties__branch_text,
                rep_text as properties__rep_text, customer_name as properties__customer_name,
                parent_deal_id as properties__parent_deal_id, product_id as properties__product_id,
                partner_commission as properties__partner_commission,
                vendor_margin as properties__vendor_margin, extracted_on
            from deals join sellers using (extracted_on, deal_id) join stages on stage = label""",
        ("deals_companies", "deals"): f"""
            {label.format("customer_id", 5)}, 'HUBSPOT_DEFINED' as category, extracted_on from deals
            where customer_id is not null
            union all {label.format("customer_id", 341)}, 'HUBSPOT_DEFINED', extracted_on from deals
            where customer_id is not null
            union all {label.format("partner", 101)}, '{own}', extracted_on from sellers where partner is not null
            union all {label.format("branch", 101)}, '{own}', extracted_on from sellers where branch is not null
            union all select deal_id, party_id, {role}, '{own}', extracted_on from deal_participants""",
        ("deals_branches", "deals"): f"""
            {label.format("object", 301)}, '{own}' as category, extracted_on from sellers where object is not null""",
        ("deals_contacts", "deals"): f"""
            {label.format("rep_id", 401)}, '{own}' as category, extracted_on from deals where rep_id is not null""",
        ("deal_pipeline_stages", "deals"): """
            select stage_id, label, extracted_on from stages, (select distinct extracted_on from deals)""",
        ("deal_stage", "deal_stage_history"): """
            select deal_id, stage_id as value, entered_at as date_entered, extracted_on
            from deal_stage_history join stages on stage = label""",
        ("line_items", "deal_lines"): """
            select line_id as id, deal_id, product_id as properties__hs_product_id, quantity as properties__quantity,
                amount as properties__amount, is_recurring as properties__is_recurring,
                term_months as properties__term_months, extracted_on
            from deal_lines""",
        ("companies", "partners"): f"""
            with partner as (select * from partners join partner_shapes using (partner_id)),
            branch as (
                select branches.* rename (is_focus as branch_focus, contract_started_on as started_on,
                    contract_ended_on as ended_on), shape
                from branches join partner_shapes using (partner_id)
            )
            select branch_id as id, branch_name as name, prefecture as state,
                case shape when {CHILD_ACCOUNTS} then partner_id end as hs_parent_company_id,
                case shape when {ACCOUNT_PER_BRANCH} then partner_id end as partner_key, partner_name,
                division_id, division_name, branch_kind, is_head_office, opened_on, closed_on, branch_focus, started_on,
                ended_on, partner_type, industry, corporate_number, parent_partner_id, contract_started_on,
                contract_ended_on, is_focus, successor_partner_id, succeeded_on, extracted_on
            from branch join partner using (extracted_on, partner_id, shape)
            where shape in ({ACCOUNT_PER_BRANCH}, {CHILD_ACCOUNTS})
            union all by name
            select partner_id as id, partner_name as name, 'PARTNER' as type, partner_type, industry, corporate_number,
                parent_partner_id, contract_started_on, contract_ended_on, is_focus, successor_partner_id, succeeded_on,
                extracted_on
            from partner where shape <> {ACCOUNT_PER_BRANCH}
            union all by name
            select customer_id as id, customer_name as name, 'PROSPECT' as type, industry, prefecture as state,
                employee_count as numberofemployees, corporate_number, extracted_on
            from customers""",
        ("branches", "partners"): f"""
            select branch_id as id, branch_name as name, partner_id as partner_company_id, prefecture as state,
                division_id, division_name, branch_kind, is_head_office, opened_on, closed_on, is_focus as branch_focus,
                contract_started_on as started_on, contract_ended_on as ended_on, extracted_on
            from branches join partner_shapes using (partner_id) where shape = {BRANCH_OBJECT}""",
        ("contacts", "partners"): f"""
            select rep_id as id, regexp_extract(rep_name, '^[^ ]*') as properties__lastname,
                nullif(regexp_extract(rep_name, '^[^ ]* (.*)$', 1), '') as properties__firstname,
                rep_email as properties__email, job_title as properties__jobtitle, left_on as properties__left_on,
                case when shape in ({ACCOUNT_PER_BRANCH}, {CHILD_ACCOUNTS}) then coalesce(branch_id, partner_id)
                    else partner_id end as properties__associatedcompanyid,
                case when shape = {BRANCH_OBJECT} then branch_id end as properties__branch_key, extracted_on
            from holders""",
        ("products", "products"): """
            select product_id as id, product_name as properties__name, product_family as properties__product_family,
                is_service as properties__is_service, extracted_on
            from products""",
        ("owners", "staff"): """
            select staff_id as id, regexp_extract(staff_name, '^[^ ]*') as lastName,
                regexp_extract(staff_name, '^[^ ]* (.*)$', 1) as firstName, team, mission, monthly_hours,
                support_hours_per_week, extracted_on
            from staff""",
    }  # fmt: skip
    for (name, days_of), query in objects.items():
        write(con, folder, name, days_of, query)


def kintone(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write the company as kintone's exports from the screen: tables inside records, in all four shapes of a branch."""
    objects = {
        ("案件管理", "deals"): """
            with rows as (
                select extracted_on, deal_id, line_id as "明細", product_id as "明細商品コード", quantity as "数量",
                    amount as "明細金額", is_recurring as "継続", term_months as "月数",
                    row_number() over (partition by extracted_on, deal_id order by line_id) as i
                from deal_lines
            ),
            parties_of as (
                select extracted_on, deal_id, party_id as "関与取引先コード",
                    case role when 'reseller' then '販売店' when 'seller' then '販売会社'
                        when 'distributor' then '一次店' when 'co_sell' then '共同提案' end as "役割",
                    row_number() over (partition by extracted_on, deal_id order by role, party_id) as i
                from deal_participants
            ),
            first_lines as (select *, 1 as i from deals),
            all_lines as (
                select extracted_on, deal_id, i from first_lines
                union select extracted_on, deal_id, i from rows
                union select extracted_on, deal_id, i from parties_of
            )
            select all_lines.deal_id as _deal, i as _line, case i when 1 then '*' end as "レコードの開始行",
                case i when 1 then 'DEAL-' || row_number() over (order by all_lines.deal_id, i) end as "レコード番号",
                case i when 1 then all_lines.deal_id end as "案件番号", deal_name as "案件名",
                customer_id as "顧客コード", customer_name as "顧客名",
                d.amount as "見込金額", currency as "通貨", stage as "フェーズ", created_at as "作成日時",
                updated_at as "更新日時", replace(expected_close_on, '-', '/') as "受注予定日", won_on as "受注日",
                closed_on as "終了日", owner_staff_id as "担当者", d.product_id as "商品コード",
                coalesce(d.partner_id, p.id) as "販売パートナーコード", partner_text as "販売パートナー名",
                case when p.id is null or d.partner_id is not null then branch_id end as "拠点コード",
                branch_text as "拠点名", rep_id as "パートナー担当者コード", rep_text as "パートナー担当者名",
                rep_email as "パートナー担当者メール", deal_type as "案件区分", channel as "チャネル",
                lost_reason as "失注理由", parent_deal_id as "元案件番号", partner_commission as "手数料",
                vendor_margin as "粗利", "明細", "明細商品コード", "数量", "明細金額", "継続", "月数",
                case when "役割" is not null then i end as "関与", "関与取引先コード", "役割", all_lines.extracted_on
            from all_lines
            left join first_lines as d using (extracted_on, deal_id, i)
            left join parties as p on all_lines.extracted_on = p.extracted_on and branch_id = p.id and p.kind = 'branch'
            left join rows using (extracted_on, deal_id, i)
            left join parties_of using (extracted_on, deal_id, i)""",
        ("フェーズ履歴", "deal_stage_history"): """
            select deal_id as "案件番号", stage as "フェーズ", entered_at as "変更日時", extracted_on
            from deal_stage_history""",
        ("取引先", "partners"): f"""
            with partner as (select * from partners join partner_shapes using (partner_id)),
            branch as (
                select branches.* rename (is_focus as branch_focus, contract_started_on as started_on,
                    contract_ended_on as ended_on), shape
                from branches join partner_shapes using (partner_id)
            )
            select branch_id as "取引先コード", branch_name as "取引先名", prefecture as "都道府県",
                case shape when {CHILD_ACCOUNTS} then partner_id end as "親取引先コード",
                case shape when {ACCOUNT_PER_BRANCH} then partner_id end as "所属会社", partner_name,
                division_id, division_name, branch_kind, is_head_office, opened_on, closed_on, branch_focus, started_on,
                ended_on, partner_type, industry as "業種", corporate_number as "法人番号", parent_partner_id,
                contract_started_on, contract_ended_on, is_focus, successor_partner_id, succeeded_on, extracted_on
            from branch join partner using (extracted_on, partner_id, shape)
            where shape in ({ACCOUNT_PER_BRANCH}, {CHILD_ACCOUNTS})
            union all by name
            select partner_id as "取引先コード", partner_name as "取引先名", '代理店' as "取引先区分", partner_type,
                industry as "業種", corporate_number as "法人番号", parent_partner_id, contract_started_on,
                contract_ended_on, is_focus, successor_partner_id, succeeded_on, extracted_on
            from partner where shape <> {ACCOUNT_PER_BRANCH}
            union all by name
            select customer_id as "取引先コード", customer_name as "取引先名", '顧客' as "取引先区分",
                industry as "業種", prefecture as "都道府県", employee_count as "従業員数",
                corporate_number as "法人番号", extracted_on
            from customers""",
        ("拠点", "partners"): f"""
            select branch_id as "拠点コード", branch_name as "拠点名", partner_id as "取引先コード",
                prefecture as "都道府県", division_id, division_name, branch_kind, is_head_office, opened_on, closed_on,
                is_focus as branch_focus, contract_started_on as started_on, contract_ended_on as ended_on, extracted_on
            from branches join partner_shapes using (partner_id) where shape = {BRANCH_OBJECT}""",
        ("担当者", "partners"): f"""
            select rep_id as "担当者コード", rep_name as "氏名", rep_email as "メールアドレス", job_title as "役職",
                left_on as "退職日", case when shape in ({ACCOUNT_PER_BRANCH}, {CHILD_ACCOUNTS})
                    then coalesce(branch_id, partner_id) else partner_id end as "取引先コード",
                case when shape = {BRANCH_OBJECT} then branch_id end as "拠点コード", extracted_on
            from holders""",
        ("商品", "products"): """
            select product_id as "商品コード", product_name as "商品名", product_family as "商品分類", is_service,
                extracted_on from products""",
        ("社員", "staff"): """
            select staff_id as "ログイン名", staff_name as "氏名", team as "部署", mission, monthly_hours,
                support_hours_per_week, extracted_on
            from staff""",
    }  # fmt: skip
    for (name, days_of), query in objects.items():
        write(con, folder, name, days_of, query)
    for (
        path
    ) in folder.iterdir():  # as the screen saves it; only Unicode has all characters that people write for 株式会社
        encoding = "utf-8-sig" if path.name.startswith("案件") else "cp932"
        path.write_bytes(path.read_text(encoding="utf-8").replace("\n", "\r\n").encode(encoding))
