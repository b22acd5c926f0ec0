-- Phase and channel of an entity at the end of a month. The channel is referral where more than half of its new deals
-- are referred, otherwise resale. A branch without a phase has its division's, a division its partner's, a partner the
-- company's.
with known_phases as (
    {{ last_known('phase_history', ['scope', 'scope_id', 'valid_from']) }}
),

phases as (
    select
        scope,
        coalesce(scope_id, 'ALL') as entity_id,
        phase,
        valid_from,
        coalesce(
            lead(valid_from) over (partition by scope, coalesce(scope_id, 'ALL') order by valid_from), {{ for_ever() }}
        ) as valid_to
    from known_phases
    where unlisted_on is null
),

company_phases as (
    select months.month, phases.phase
    from {{ ref('int_months') }} as months
    inner join phases on phases.scope = 'company' and {{ is_within('months.month_end', 'phases.valid_from', 'phases.valid_to') }}
),

-- Referrals and resale deals that began in the twelve months to date.
deals as (
    select
        bridge.scope_key,
        facts.month,
        sum(case when facts.channel in ('referral', 'matching') then facts.deals_new else 0 end) as referral_deals,
        sum(facts.deals_new) as all_deals
    from {{ ref('int_branch_channel_months') }} as facts
    inner join {{ ref('int_scope_bridge') }} as bridge on facts.branch_version_id = bridge.branch_version_id
    where facts.branch_id != 'DIRECT'
    group by bridge.scope_key, facts.month
),

channels as (
    select deals.scope_key, months.month, sum(deals.referral_deals) * 2 > sum(deals.all_deals) as is_referral
    from deals
    inner join {{ ref('int_months') }} as months
        on deals.month <= months.month and deals.month > {{ add_months('months.month', -12) }}
    group by deals.scope_key, months.month
)

select
    scopes.scope_key,
    scopes.scope,
    scopes.entity_id,
    months.month,
    months.month_end,
    months.is_complete,
    months.has_twelve_months,
    scopes.is_special,
    scopes.closed_on,
    coalesce(own.phase, of_division.phase, of_partner.phase, of_company.phase) as phase,
    own.phase is not null as is_own_phase,
    case when coalesce(channels.is_referral, false) then 'referral' else 'resale' end as channel
from {{ ref('int_scope_months') }} as months
inner join {{ ref('int_scopes') }} as scopes on months.scope_key = scopes.scope_key and scopes.organisation = 'as_is'
left join phases as own
    on
        scopes.scope = own.scope and scopes.entity_id = own.entity_id
        and {{ is_within('months.month_end', 'own.valid_from', 'own.valid_to') }}
left join phases as of_division
    on
        of_division.scope = 'division' and scopes.division_id = of_division.entity_id
        and {{ is_within('months.month_end', 'of_division.valid_from', 'of_division.valid_to') }}
left join phases as of_partner
    on
        of_partner.scope = 'partner' and scopes.partner_id = of_partner.entity_id
        and {{ is_within('months.month_end', 'of_partner.valid_from', 'of_partner.valid_to') }}
left join company_phases as of_company on months.month = of_company.month
left join channels on scopes.scope_key = channels.scope_key and months.month = channels.month
