-- Who began or ceased to be contactable, active or producing in a month, for every entity of today: gained (for the first
-- time), returned or lost; and who was kept in the last month. A month has rows only if the window of the month before is
-- entirely in the data.
with months as (
    select
        month,
        month_end,
        {{ month_number('month') }} as month_number,
        min({{ month_number('month') }}) over () as first_number,
        max({{ month_number('month') }}) over () as last_number
    from {{ ref('int_months') }}
),

flows as (
    select
        scope_key, status, member_type, member_id, first_number as month_number,
        case when is_first then 'gained' else 'returned' end as flow
    from {{ ref('int_member_stays') }}
    union all
    select scope_key, status, member_type, member_id, last_number + 1 as month_number, 'lost' as flow
    from {{ ref('int_member_stays') }}
    union all
    select stays.scope_key, stays.status, stays.member_type, stays.member_id, months.month_number, 'kept' as flow
    from {{ ref('int_member_stays') }} as stays
    inner join months
        on
            months.month_number = months.last_number
            and stays.first_number < months.last_number and stays.last_number >= months.last_number
)

select
    flows.scope_key,
    flows.status,
    flows.member_type,
    flows.member_id,
    months.month,
    months.month_end,
    months.month_number = months.last_number as is_last,
    flows.flow
from flows
inner join months
    on flows.month_number = months.month_number and {{ has_window_before('flows.status', 'months') }}
