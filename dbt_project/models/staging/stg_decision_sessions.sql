select
    run_id,
    purpose,
    session_date,
    decided_at
from {{ source('scope', 'sessions') }}
