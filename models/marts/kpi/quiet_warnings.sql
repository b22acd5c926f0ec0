-- Partners and branches at the last 24 month ends: whether they had lost their rhythm of new deals, according to what had
-- happened by that day, and the new deals of the next 90 days.
with months as (
    select max(month) as last_month
    from {{ ref('int_months') }}
    where is_complete
),

judged as (
    select
        odds.*,
        scopes.entity_name,
        scopes.partner_id,
        odds.month = months.last_month as is_current,
        odds.next_to <= today.as_of as is_over,
        case
            when odds.quiet_chance >= 0.975 then 'strong' when odds.quiet_chance >= 0.9 then 'some' else 'none'
        end as evidence
    from {{ ref('int_quiet_odds') }} as odds
    inner join {{ ref('int_scopes') }} as scopes
        on odds.scope = scopes.scope and odds.entity_id = scopes.entity_id and scopes.organisation = 'as_is'
    inner join {{ ref('dim_partner') }} as partners on scopes.partner_id = partners.partner_id
    cross join months
    cross join {{ ref('int_as_of') }} as today
    where
        not scopes.is_special
        and scopes.closed_on > odds.month_end
        and coalesce(partners.contract_ended_on, {{ for_ever() }}) > odds.month_end
),

-- Consecutive warnings of one entity have one beginning.
runs as (
    select
        *,
        sum(case when evidence = 'none' then 1 else 0 end) over (
            partition by scope, entity_id order by month rows between unbounded preceding and current row
        ) as run
    from judged
)

select
    runs.scope,
    runs.entity_id,
    runs.entity_name,
    case when runs.scope = 'branch' then runs.entity_id end as branch_id,
    runs.partner_id,
    managers.account_manager_id,
    runs.month,
    runs.month_end as judged_on,
    runs.is_current,
    runs.window_days,
    {{ rounded('runs.expected_deals', 2) }} as expected_deals,
    cast(runs.recent_deals as bigint) as recent_deals,
    runs.last_deal_on,
    {{ rounded('runs.usual_chance', 4) }} as usual_chance,
    {{ rounded('runs.new_deal_chance', 4) }} as new_deal_chance,
    {{ rounded('runs.quiet_chance', 4) }} as quiet_chance,
    runs.evidence,
    case
        when runs.evidence != 'none' then min(case when runs.evidence != 'none' then runs.month_end end) over (
            partition by runs.scope, runs.entity_id, runs.run
        )
    end as warned_since,
    runs.is_over,
    case when runs.is_over then cast(runs.next_deals as bigint) end as next_deals
from runs
left join {{ ref('int_branch_managers') }} as managers
    on case when runs.scope = 'branch' then runs.entity_id end = managers.branch_id
