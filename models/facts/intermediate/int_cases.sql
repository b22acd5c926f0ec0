select case_id, branch_id, kind, summary, recorded_on, extracted_on
from {{ ref('stg_cases') }}
