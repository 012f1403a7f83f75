select
    run_id,
    symbol,
    identity,
    direction,
    is_selected,
    reason
from {{ source('results', 'selection') }}
