select
    run_id,
    symbol
from {{ source('scope', 'winners') }}
