{# The grain of a table: no combination of these columns occurs twice. Null equals null, because two rows that lack the
   same part of their key are duplicates, too. #}
{% test unique_combination(model, columns) %}
select
    {{ columns | join(',\n    ') }},
    count(*) as row_count
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
