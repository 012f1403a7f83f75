{{ config(tags=['replay']) }}

with merged as (
    select * from {{ ref('int_candidates_merged') }}
),

health as (
    select
        session_date,
        symbol,
        health_status
    from {{ ref('int_health_replayed') }}
),

final as (
    select
        merged.run_id,
        merged.session_date,
        merged.symbol,
        merged.identity,
        merged.asset_class,
        merged.product,
        merged.venue,
        merged.sector,
        merged.direction,
        merged.scanners,
        merged.strategy,
        merged.discovery_score,
        merged.liquidity_score,
        merged.adx_score,
        merged.volatility_score,
        merged.performance_score,
        merged.close,
        merged.atr,
        merged.volume,
        merged.volume_rep,
        merged.value_traded_usd,
        merged.value_traded_usd_rep,
        merged.n_venues,
        merged.alternates,
        merged.is_conflict,
        health.health_status
    from merged
    inner join health
        on
            merged.session_date = health.session_date
            and merged.symbol = health.symbol
)

select * from final
order by
    session_date,
    symbol
