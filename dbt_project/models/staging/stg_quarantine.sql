select
    source,
    symbol,
    interval as bar_interval,
    session_date,
    reason,
    detail,
    close,
    fetched_at
from {{ source('raw', 'quarantine') }}
