select
    run_id,
    profile,
    source,
    as_of,
    as_of_at,
    light_sessions,
    full_sessions,
    settle_minutes,
    max_stale_sessions,
    min_history_sessions,
    benchmark,
    excluded_symbols,
    is_simulated,
    started_at
from {{ source('scope', 'runs') }}
