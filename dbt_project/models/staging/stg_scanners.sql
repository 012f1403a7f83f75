select
    run_id,
    scanner,
    strategy,
    direction,
    row_limit,
    universe,
    venue_order,
    size_limit,
    predicate,
    payload,
    missing_columns
from {{ source('scope', 'scanners') }}
