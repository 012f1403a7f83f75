{{ config(tags=['candidates']) }}

with merged as (
    select
        run_id,
        session_date,
        symbol,
        identity,
        asset_class,
        product,
        venue,
        sector,
        direction,
        scanners,
        strategy,
        discovery_score,
        liquidity_score,
        adx_score,
        volatility_score,
        performance_score,
        close,
        atr,
        volume,
        volume_rep,
        value_traded_usd,
        value_traded_usd_rep,
        n_venues,
        alternates,
        is_conflict
    from {{ ref('int_candidates_merged') }}
),

run as (
    select as_of
    from {{ ref('int_run') }}
),

-- Replays of earlier sessions stand beside the run's own session.
final as (
    select merged.*
    from merged
    inner join run on merged.session_date = run.as_of
)

select * from final
order by symbol
