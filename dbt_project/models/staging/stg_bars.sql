select
    symbol,
    source,
    session_date,
    interval as bar_interval,
    open,
    high,
    low,
    close,
    adj_close,
    volume,
    is_close_only,
    is_final,
    fetched_at,
    first_seen_at
from {{ source('raw', 'bars') }}
