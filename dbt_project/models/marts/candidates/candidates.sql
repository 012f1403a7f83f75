{{ config(
    materialized='incremental',
    incremental_strategy='append',
    full_refresh=false,
    on_schema_change='fail',
    pre_hook='{{ delete_rows_of_run() }}',
    tags=['candidates']
) }}

with merged as (
    select * from {{ ref('int_candidates_merged') }}
),

run as (
    select as_of from {{ ref('int_run') }}
),

-- A replay also holds scans of past sessions; only those of the run's session become candidates.
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
        merged.is_conflict
    from merged
    inner join run on merged.session_date = run.as_of
)

select * from final
order by symbol
