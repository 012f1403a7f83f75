select
    run_id,
    symbol,
    reason,
    n_bars,
    first_session,
    last_session
from {{ ref('quarantined_bars') }}
