select
    run_id,
    scanner,
    symbol,
    session_date,
    source,
    strategy,
    case upper(direction) when 'LONG' then 1 when 'SHORT' then -1 end::bigint as direction,
    close,
    volume,
    value_traded_usd,
    adx,
    atr,
    volatility_d,
    perf_3m,
    perf_6m,
    scanned_at
from {{ source('raw', 'scans') }}
