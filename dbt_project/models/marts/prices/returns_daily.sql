{{ config(tags=['prices', 'returns']) }}

with prices as (
    select * from {{ ref('int_prices_on_grid') }}
),

-- Returns are between dates with a session: they span a closed market, but no gap (docs/method/02-returns.md#2.2).
returns as (
    select
        session_date,
        symbol,
        price,
        has_session,
        is_gap,
        price / lag(price) over (partition by symbol, has_session order by session_date) - 1.0 as price_change
    from prices
),

final as (
    select
        session_date,
        symbol,
        price_change as "return",
        price,
        has_session,
        is_gap
    from returns
)

select * from final
order by
    symbol,
    session_date
