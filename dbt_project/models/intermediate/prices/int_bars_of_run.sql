{{ config(tags=['columns', 'replay']) }}

select
    symbol,
    session_date,
    high,
    low,
    close,
    volume,
    value_traded_usd,
    is_close_only
from {{ ref('bars_daily') }}
