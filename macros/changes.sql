{# Whether a figure of int_deal_figures counts: a flow in a window of days, an open deal as long as it is open. A period has
   no open deals of its own. #}
{% macro counts_in(window_start, window_end) -%}
    case
        when figures.kind = 'flow' then figures.day >= {{ window_start }} and figures.day <= {{ window_end }}
        when pairs.is_two_periods then false
        when figures.kind = 'due' then figures.day <= pairs.due_by
        else true
    end
{%- endmacro %}

{# The amount of a figure if it counts, otherwise 0. #}
{% macro counted_amount(window_start, window_end) -%}
    case when {{ counts_in(window_start, window_end) }} then figures.amount else cast(0 as {{ money_type() }}) end
{%- endmacro %}

{# The rows of a relation with the columns pair, side, branch_id, measure and amount at today's branches of that side, from
   int_change_places. Money is divided among the successors of a split branch as in current_credit. All else goes to the
   successor with the largest share. `columns`: the other columns, which identify a row together with these. `places`: another
   relation with the columns of int_change_places. #}
{% macro at_places(relation, columns, places=none) -%}
    {%- set places_of = places or ref('int_change_places') %}
    select
        {{ columns | join(', ') }}, figures.pair, figures.side, figures.measure, figures.amount,
        places.branch_id_current, places.division_id, places.partner_id
    from {{ relation }} as figures
    inner join {{ places_of }} as places
        on figures.pair = places.pair and figures.side = places.side and figures.branch_id = places.branch_id and places.weight_rank = 1
    where figures.measure != 'won_amount' or places.successors = 1
    union all
    select
        {{ columns | join(', ') }}, pair, side, measure,
        cast(
            cast(sign(amount) * (units_cut + case when remainder_rank <= units_left then 1 else 0 end) as decimal(28, 0))
            * {{ minor_unit() }}
            as {{ money_type() }}
        ) as amount,
        branch_id_current, division_id, partner_id
    from (
        select
            *,
            row_number() over (
                partition by {{ columns | join(', ') }}, pair, side, measure, branch_id
                order by round(units_exact - units_cut, 6) desc nulls last, branch_id_current
            ) as remainder_rank,
            cast(abs(amount) * {{ minor_units() }} as bigint)
            - sum(units_cut) over (partition by {{ columns | join(', ') }}, pair, side, measure, branch_id) as units_left
        from (
            select
                figures.*, places.branch_id_current, places.division_id, places.partner_id,
                cast(floor(abs(figures.amount) * {{ minor_units() }} * places.share + 1e-6) as bigint) as units_cut,
                abs(figures.amount) * {{ minor_units() }} * places.share as units_exact
            from {{ relation }} as figures
            inner join {{ places_of }} as places
                on figures.pair = places.pair and figures.side = places.side and figures.branch_id = places.branch_id
            where figures.measure = 'won_amount' and places.successors > 1
        ) as cut
    ) as ranked
{%- endmacro %}

{# Where each branch belonged at the steps of the logs that the relation (pair, side, step_number) names. #}
{% macro places_at_steps(relation) -%}
    select
        last_steps.pair,
        last_steps.side,
        logged.branch_id,
        logged.branch_id_current,
        logged.share,
        logged.weight_rank,
        count(*) over (partition by last_steps.pair, last_steps.side, logged.branch_id) as successors,
        logged.division_id,
        logged.partner_id,
        logged.place_text
    from (
        select steps.pair, steps.side, logged.branch_id, max(logged.step_number) as step_number
        from {{ relation }} as steps
        inner join {{ ref('int_branch_log') }} as logged on logged.step_number <= steps.step_number
        group by steps.pair, steps.side, logged.branch_id
    ) as last_steps
    inner join {{ ref('int_branch_log') }} as logged
        on last_steps.branch_id = logged.branch_id and last_steps.step_number = logged.step_number
{%- endmacro %}
