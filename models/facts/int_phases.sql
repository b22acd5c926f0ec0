{{ config(schema='intermediate') }}

-- The phase and the channel that a company, partner or branch is in at the end of a month: what it mostly does is resale, or
-- referral where more than half of its new deals are referred.
-- noqa: disable=LT02,LT05
{% set scopes = {'company': "'ALL'", 'partner': 'partner_id', 'branch': 'branch_id'} -%}

with month_ends as (
    select month, month_end, is_complete from {{ ref('int_months') }}
),

entities as (
    {% for scope, entity in scopes.items() -%}
    select distinct '{{ scope }}' as scope, {{ entity }} as entity_id, {{ 'cast(null as varchar)' if scope == 'company' else 'partner_id' }} as partner_id, month
    from {{ ref(scope ~ '_monthly') }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

known_phases as (
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
    where ended_on is null
),

-- Referrals and resale deals that began in the twelve months to date.
channels as (
    {% for scope, entity in scopes.items() -%}
    select '{{ scope }}' as scope, {{ entity }} as entity_id, ends.month,
        sum(case when deals.channel in ('referral', 'matching') then deals.deals_new else 0 end) * 2 > sum(deals.deals_new) as is_referral
    from {{ ref('branch_channel_monthly') }} as deals
    inner join month_ends as ends on deals.month <= ends.month and deals.month > {{ add_months('ends.month', -12) }}
    where deals.branch_id != 'DIRECT'
    group by {{ entity ~ ', ' if scope != 'company' }}ends.month
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

-- A branch without a phase of its own is in its partner's, a partner in the company's, as of the month's end.
select
    entities.scope,
    entities.entity_id,
    entities.month,
    ends.month_end,
    ends.is_complete,
    coalesce(own.phase, of_partner.phase, of_company.phase) as phase,
    case when coalesce(channels.is_referral, false) then 'referral' else 'resale' end as channel
from entities
inner join month_ends as ends on entities.month = ends.month
left join phases as own
    on
        entities.scope = own.scope and entities.entity_id = own.entity_id
        and {{ is_within('ends.month_end', 'own.valid_from', 'own.valid_to') }}
left join phases as of_partner
    on
        of_partner.scope = 'partner' and entities.partner_id = of_partner.entity_id
        and {{ is_within('ends.month_end', 'of_partner.valid_from', 'of_partner.valid_to') }}
left join phases as of_company
    on
        of_company.scope = 'company'
        and {{ is_within('ends.month_end', 'of_company.valid_from', 'of_company.valid_to') }}
left join channels
    on entities.scope = channels.scope and entities.entity_id = channels.entity_id and entities.month = channels.month
