-- One row per deal with texts: the partner that its text names, and the partner whose branches and reps the other texts may
-- name.
with deals as (
    select * from {{ ref('int_deal_texts') }}
),

lookups as (
    select * from {{ ref('int_deal_lookups') }}
),

named_partners as (
    select distinct text, credit_on, acting_partner_id, matched_by, is_borne from {{ ref('int_text_partners') }}
),

-- The partner that ids and addresses name. The selling side comes before companies of type distributor and referrers, and the
-- company that the deal calls its distributor is last. A party that only helps is left out, because the texts do not mean it.
id_partners as (
    select
        deal_id,
        case
            when
                min(case when not is_second_choice then acting_partner_id end)
                = max(case when not is_second_choice then acting_partner_id end)
                then min(case when not is_second_choice then acting_partner_id end)
            when count(case when not is_second_choice then 1 end) > 0 then null
            when min(acting_partner_id) = max(acting_partner_id) then min(acting_partner_id)
            when
                min(case when role is distinct from 'distributor' then acting_partner_id end)
                = max(case when role is distinct from 'distributor' then acting_partner_id end)
                then min(case when role is distinct from 'distributor' then acting_partner_id end)
        end as acting_partner_id
    from (
        select
            deal_id,
            acting_partner_id,
            role,
            coalesce(role = 'referrer', false)
            or (
                is_of_distributor
                and max(case when role in ('seller', 'reseller') then 1 else 0 end) over (
                    partition by deal_id, acting_partner_id
                ) = 0
            ) as is_second_choice
        from lookups
        where
            reason is null
            and acting_partner_id is not null
            and evidence_code != {{ evidence('person') }}
            and deal_id in (select deal_id from deals)
            and not {{ is_helper('role') }}
    ) as named
    group by deal_id
),

-- Names are not unique. A text names the company that the ids name, where that company has the name on any day. Otherwise it
-- names the one company that has it on the credit date.
text_partners as (
    select
        deals.deal_id,
        coalesce(
            min(
                case
                    when named_partners.acting_partner_id = id_partners.acting_partner_id
                        then named_partners.acting_partner_id
                end
            ),
            case
                when count(distinct case when named_partners.is_borne then named_partners.acting_partner_id end) = 1
                    then min(case when named_partners.is_borne then named_partners.acting_partner_id end)
            end
        ) as acting_partner_id,
        count(distinct case when named_partners.is_borne then named_partners.acting_partner_id end) > 1 as is_shared,
        -- In the alphabet, "alias" comes before "name".
        coalesce(
            min(case when named_partners.is_borne then named_partners.matched_by end), min(named_partners.matched_by)
        ) as matched_by
    from deals
    inner join named_partners on deals.partner_text = named_partners.text and deals.credit_on = named_partners.credit_on
    left join id_partners on deals.deal_id = id_partners.deal_id
    group by deals.deal_id
),

-- The partner with whose name the branch text itself begins, if there is exactly one.
branch_text_partners as (
    select deals.deal_id, min(named_partners.acting_partner_id) as acting_partner_id
    from deals
    inner join named_partners on deals.branch_text = named_partners.text and deals.credit_on = named_partners.credit_on
    where named_partners.is_borne
    group by deals.deal_id
    having count(distinct named_partners.acting_partner_id) = 1
)

select
    deals.deal_id,
    deals.credit_on,
    deals.partner_text,
    deals.branch_text,
    deals.rep_text,
    text_partners.acting_partner_id as text_partner_id,
    coalesce(text_partners.is_shared and text_partners.acting_partner_id is null, false) as is_shared_name,
    case when text_partners.acting_partner_id is not null then text_partners.matched_by end as matched_by,
    coalesce(text_partners.acting_partner_id, id_partners.acting_partner_id, branch_text_partners.acting_partner_id)
        as known_partner_id
from deals
left join text_partners on deals.deal_id = text_partners.deal_id
left join id_partners on deals.deal_id = id_partners.deal_id
left join branch_text_partners on deals.deal_id = branch_text_partners.deal_id
