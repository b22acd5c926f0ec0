-- What the texts on deals were taken for: each text with its normalised form, and how many deals it named what on.
with deals as (
    select deal_id, credit_on, partner_text, branch_text, rep_text from {{ ref('int_deals') }}
),

typed as (
    select 'partner_text' as column_name, partner_text as text, deal_id, credit_on from deals where partner_text is not null
    union all
    select 'branch_text' as column_name, branch_text as text, deal_id, credit_on from deals where branch_text is not null
    union all
    select 'rep_text' as column_name, rep_text as text, deal_id, credit_on from deals where rep_text is not null
),

partner_texts as (
    select column_name, text, deal_id from typed where column_name = 'partner_text'
),

texts as (
    select column_name, text, count(*) as deals, min(credit_on) as first_credit_on, max(credit_on) as last_credit_on
    from typed
    group by column_name, text
),

placed as (
    select
        names.*,
        case names.evidence_code
            when {{ evidence('rep_text') }} then 'rep_text'
            when {{ evidence('partner') }} then 'partner_text'
            -- A branch may stand in the partner's text as well as in its own.
            else coalesce(partner_texts.column_name, 'branch_text')
        end as column_name
    from {{ ref('int_deal_names') }} as names
    left join partner_texts on names.deal_id = partner_texts.deal_id and names.raw_value = partner_texts.text
),

matches as (
    select
        column_name,
        raw_value as text,
        evidence_code,
        matched_by,
        partner_id,
        branch_id,
        rep_id,
        reason,
        count(distinct deal_id) as deals,
        min(credit_on) as first_credit_on,
        max(credit_on) as last_credit_on
    from placed
    group by column_name, raw_value, evidence_code, matched_by, partner_id, branch_id, rep_id, reason
)

select
    texts.column_name,
    texts.text,
    keys.name_key,
    keys.legal_form,
    coalesce(keys.is_nobody, false) as is_nobody,
    matches.evidence_code,
    matches.matched_by,
    matches.partner_id,
    matches.branch_id,
    matches.rep_id,
    matches.reason,
    coalesce(matches.deals, texts.deals) as deals,
    coalesce(matches.first_credit_on, texts.first_credit_on) as first_credit_on,
    coalesce(matches.last_credit_on, texts.last_credit_on) as last_credit_on
from texts
left join {{ ref('stg_texts') }} as keys on texts.text = keys.text
left join matches on texts.column_name = matches.column_name and texts.text = matches.text
