-- Every accepted, not deleted deal with its stage, its dates and its amount in the base currency.
with deals as (
    select * from {{ ref('stg_deals') }} where not coalesce(is_deleted, false)
),

lines as (
    select
        deal_id,
        sum(amount) as line_amount,
        count(*) as line_count
    from {{ ref('stg_deal_lines') }}
    group by deal_id
),

-- The product of a deal with lines is the product of its largest line.
main_lines as (
    select deal_id, product_id
    from (
        select
            deal_id,
            product_id,
            row_number() over (partition by deal_id order by amount desc nulls last, product_id nulls last, line_id) as size_rank
        from {{ ref('stg_deal_lines') }}
    ) as ranked
    where size_rank = 1
),

entries as (
    select
        deal_id,
        min(entered_on) as first_entered_on,
        min(case when stage = 'won' then entered_on end) as first_won_on,
        min(case when stage = 'lost' then entered_on end) as first_lost_on
    from {{ ref('int_stage_entries') }}
    group by deal_id
),

-- The first approval. The credit date is the day of its submission. An approval that expired before the deal began does
-- not count.
approvals as (
    select deal_id, submitted_on
    from (
        select
            registrations.deal_id,
            {{ business_date('registrations.submitted_at') }} as submitted_on,
            row_number() over (
                partition by registrations.deal_id
                order by
                    coalesce(registrations.approved_at, registrations.submitted_at) nulls last,
                    registrations.submitted_at nulls last,
                    registrations.registration_id
            ) as approval_rank
        from {{ ref('stg_deal_registrations') }} as registrations
        inner join deals on registrations.deal_id = deals.deal_id
        where
            registrations.status = 'approved'
            and (
                registrations.expires_on is null
                or deals.created_at is null
                or registrations.expires_on >= {{ business_date('deals.created_at') }}
            )
    ) as ranked
    where approval_rank = 1
),

clocked as (
    select
        deals.*,
        stages.stage as canonical_stage,
        case when stages.stage in ('won', 'lost') then stages.stage else 'open' end as status,
        {{ business_date('deals.created_at') }} as created_on,
        approvals.submitted_on,
        entries.first_entered_on,
        case
            when deals.amount is not null then 'header'
            when lines.line_count > 0 then 'lines'
            else 'none'
        end as amount_source,
        coalesce(deals.amount, lines.line_amount) as own_amount,
        lines.line_amount,
        upper(coalesce(deals.currency, '{{ var("base_currency") }}')) as own_currency,
        coalesce(deals.product_id, main_lines.product_id) as main_product_id,
        coalesce(
            entries.first_won_on,
            deals.won_on,
            case when stages.stage = 'won' then coalesce(deals.closed_on, deals.extracted_on) end
        ) as recognized_on,
        case
            when stages.stage = 'lost' then coalesce(entries.first_lost_on, deals.closed_on, deals.extracted_on)
        end as lost_on,
        -- The last resort of both days, above.
        coalesce(stages.stage, '') in ('won', 'lost') and deals.closed_on is null
        and case when stages.stage = 'won' then coalesce(entries.first_won_on, deals.won_on) else entries.first_lost_on end is null
            as is_closed_on_extract
    from deals
    left join {{ ref('stage_map') }} as stages on lower(trim(deals.stage)) = stages.source_stage
    left join lines on deals.deal_id = lines.deal_id
    left join main_lines on deals.deal_id = main_lines.deal_id
    left join entries on deals.deal_id = entries.deal_id
    left join approvals on deals.deal_id = approvals.deal_id
),

{% set clocks = {
    'registration': 'submitted_on',
    'created': 'created_on',
    'stage_entry': 'first_entered_on',
    'won': 'recognized_on',
    'extract': 'first_extracted_on',
} -%}
{%- for basis in var('credit_date_order') if basis not in clocks -%}
    {{ exceptions.raise_compiler_error(
        "credit_date_order holds '" ~ basis ~ "'; it may hold: " ~ clocks.keys() | join(', ')
    ) }}
{%- endfor -%}
credited as (
    select
        clocked.*,
        -- The extract date is the last resort, so that every deal has a credit date.
        coalesce(
            {%- for basis in var('credit_date_order') %}
            {{ clocks[basis] }},
            {%- endfor %}
            first_extracted_on
        ) as credit_on,
        case
            {%- for basis in var('credit_date_order') %}
            when {{ clocks[basis] }} is not null then '{{ basis }}'
            {%- endfor %}
            else 'extract'
        end as credit_basis,
        case
            when recognized_on is not null then recognized_on
            when status = 'lost' then lost_on
            else today.as_of
        end as rate_needed_on
    from clocked
    cross join {{ ref('int_as_of') }} as today
),

foreign_deals as (
    select own_currency as currency, rate_needed_on
    from credited
    where own_currency != '{{ var("base_currency") }}' and own_amount is not null
),

rates as (
    {{ latest_rates('foreign_deals') }}
)

select
    credited.deal_id,
    credited.deal_name,
    credited.customer_id,
    credited.customer_name,
    credited.main_product_id as product_id,
    credited.owner_staff_id,
    credited.deal_type,
    credited.channel,
    credited.stage as source_stage,
    credited.canonical_stage as stage,
    credited.status,
    credited.partner_id as named_partner_id,
    credited.branch_id as named_branch_id,
    credited.rep_id as named_rep_id,
    {{ email_address('credited.rep_email') }} as named_rep_email,
    credited.partner_text,
    credited.branch_text,
    credited.rep_text,
    credited.parent_deal_id,
    credited.ever_named_a_partner,
    credited.first_extracted_on,
    credited.credit_on,
    credited.credit_basis,
    credited.created_on,
    credited.first_entered_on,
    credited.recognized_on,
    credited.lost_on,
    coalesce(credited.closed_on, case when credited.status = 'won' then credited.recognized_on end, credited.lost_on)
        as closed_on,
    credited.is_closed_on_extract,
    credited.expected_close_on,
    credited.lost_reason,
    credited.partner_commission,
    credited.vendor_margin,
    credited.own_currency as currency,
    credited.own_amount as amount_in_currency,
    credited.amount_source,
    case
        when credited.own_currency = '{{ var("base_currency") }}' then cast(1 as decimal(18, 8))
        else rates.base_per_unit
    end as base_per_unit,
    {{ in_base_currency('credited.own_amount', 'credited.own_currency', 'rates.base_per_unit') }} as amount,
    credited.own_currency != '{{ var("base_currency") }}'
    and credited.own_amount is not null
    and rates.base_per_unit is null as is_fx_missing,
    coalesce(credited.amount != credited.line_amount, false) as is_amount_mismatch
from credited
left join rates
    on credited.own_currency = rates.currency and credited.rate_needed_on = rates.rate_needed_on
