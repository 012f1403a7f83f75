{{ config(materialized='table_in_place', tags=['candidates', 'replay']) }}

with scans as (
    select * from {{ ref('int_scans_scored') }}
),

kept as (
    select * from {{ ref('int_directions_chosen') }}
),

venues as (
    select * from {{ ref('int_venues_summed') }}
),

final as (
    select
        scans.run_id,
        scans.session_date,
        scans.symbol,
        scans.identity,
        scans.asset_class,
        scans.product,
        scans.venue,
        scans.sector,
        scans.direction,
        scans.scanners,
        scans.strategy,
        scans.discovery_score,
        scans.liquidity_score,
        scans.adx_score,
        scans.volatility_score,
        scans.performance_score,
        scans.close,
        scans.atr,
        venues.volume,
        scans.volume as volume_rep,
        venues.value_traded_usd,
        scans.value_traded_usd as value_traded_usd_rep,
        venues.n_venues,
        venues.alternates,
        kept.is_conflict
    from scans
    inner join kept
        on
            scans.session_date = kept.session_date
            and scans.identity = kept.identity
            and scans.symbol = kept.symbol
            and scans.direction = kept.direction
    inner join venues
        on
            scans.session_date = venues.session_date
            and scans.identity = venues.identity
)

select * from final
