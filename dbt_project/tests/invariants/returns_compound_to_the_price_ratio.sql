-- Without a gap, the compounded returns equal the ratio of the last and the first price.
with returns as (
    select
        symbol,
        sum(ln(1 + "return")) as compounded,
        ln(arg_max(price, session_date) / arg_min(price, session_date)) as price_ratio,
        bool_or(is_gap) as has_gap
    from {{ ref('int_returns_on_grid') }}
    where symbol in (select universe.symbol from {{ ref('int_universe') }} as universe)
    group by symbol
)

select *
from returns
where
    not has_gap
    and abs(coalesce(compounded, 0) - price_ratio) > 1e-8
