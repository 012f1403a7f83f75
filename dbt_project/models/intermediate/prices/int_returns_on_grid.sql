{{ config(tags=['candidates', 'returns']) }}

-- Returns are between dates with a session: they span a closed market, but no gap (docs/method/02-returns.md#2.2).
select
    session_date,
    symbol,
    price / lag(price) over (partition by symbol, has_session order by session_date) - 1.0 as "return",
    price,
    has_session,
    is_gap
from {{ ref('int_prices_on_grid') }}
