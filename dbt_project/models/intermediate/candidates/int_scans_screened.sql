{{ config(materialized='table_in_place', tags=['columns', 'candidates', 'replay']) }}

with inputs as materialized (
    select * from {{ ref('int_scanner_inputs') }}
),

run as (
    select
        run_id,
        source,
        as_of_at
    from {{ ref('int_run') }}
),

found as (
    {{ scanner_predicates() | indent(4) }}
),

final as (
    select
        run.run_id,
        found.scanner,
        found.symbol,
        found.session_date,
        run.source,
        found.asset_class,
        found.product,
        found.venue,
        found.direction,
        found.strategy,
        found.rank,
        found.close,
        found.volume,
        found.value_traded_usd,
        null::double as market_cap_usd,
        found.adx,
        found.rsi,
        found.stoch_k,
        found.atr,
        found.volatility_d,
        found.recommend_all,
        found.perf_w,
        found.perf_1m,
        found.perf_3m,
        found.perf_6m,
        found.payload,
        run.as_of_at as scanned_at
    from found
    cross join run
)

select * from final
order by
    session_date,
    scanner,
    rank
