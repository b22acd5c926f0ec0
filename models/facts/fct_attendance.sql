select * from {{ ref('int_attendance') }}
