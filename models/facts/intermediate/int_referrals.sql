-- Referrals as submitted. Branch and rep come from the referral's deal, otherwise from the referral.
with registrations as (
    select *, {{ business_date('submitted_at') }} as submitted_on
    from {{ ref('stg_deal_registrations') }}
    where channel in ('referral', 'matching')
),

placed as (
    select
        registrations.registration_id,
        registrations.submitted_on,
        -- The branch of the deal's credit date, as for all figures of a deal.
        coalesce(deals.credit_on, registrations.submitted_on) as credited_on,
        coalesce(
            deals.branch_id,
            branches.branch_id,
            case when partners.partner_id is not null then {{ dbt.concat(["'UNKNOWN:'", "partners.partner_id"]) }} end,
            'UNRESOLVED'
        ) as branch_id,
        coalesce(nullif(deals.rep_id, 'NONE'), reps.rep_id, 'NONE') as rep_id
    from registrations
    left join {{ ref('deal_attribution') }} as deals on registrations.deal_id = deals.deal_id
    left join {{ ref('int_branches') }} as branches on registrations.branch_id = branches.branch_id
    left join {{ ref('int_partners') }} as partners on registrations.partner_id = partners.partner_id
    left join {{ ref('dim_rep') }} as reps on registrations.rep_id = reps.rep_id
)

select
    placed.registration_id,
    placed.submitted_on,
    {{ month_of('placed.submitted_on') }} as month,
    placed.branch_id,
    versions.branch_version_id,
    placed.rep_id,
    versions.partner_id
from placed
inner join {{ ref('int_branch_versions') }} as versions
    on
        placed.branch_id = versions.branch_id
        and {{ is_within('placed.credited_on', 'versions.covers_from', 'versions.valid_to') }}
