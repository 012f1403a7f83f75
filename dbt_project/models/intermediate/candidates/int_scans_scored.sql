{{ config(tags=['candidates']) }}

with scans as (
    select * from {{ ref('int_scans_of_run') }}
),

class_references as (
    select * from {{ ref('class_references') }}
),

-- docs/method/05-discovery-selection.md#5.2. Without six months of history the performance is that of three months.
terms as (
    select
        scans.run_id,
        scans.symbol,
        scans.direction,
        scans.identity,
        scans.asset_class,
        scans.product,
        scans.venue,
        scans.sector,
        scans.venue_priority,
        scans.scanners,
        scans.strategy,
        scans.session_date,
        scans.close,
        scans.volume,
        scans.value_traded_usd,
        scans.atr,
        {{ unit_interval('scans.value_traded_usd / class_references.liquidity_usd') }} as liquidity_score,
        {{ unit_interval('scans.adx / 50.0') }} as adx_score,
        {{ unit_interval('scans.volatility_d / class_references.volatility_pct') }} as volatility_score,
        {{ unit_interval(
            'list_avg(list_filter([scans.perf_3m, scans.perf_6m], lambda perf: perf is not null))'
            ' * scans.direction / class_references.performance_pct'
        ) }} as performance_score
    from scans
    left join class_references on scans.asset_class = class_references.asset_class
),

final as (
    select
        run_id,
        symbol,
        direction,
        identity,
        asset_class,
        product,
        venue,
        sector,
        venue_priority,
        scanners,
        strategy,
        session_date,
        close,
        volume,
        value_traded_usd,
        atr,
        liquidity_score,
        adx_score,
        volatility_score,
        performance_score,
        0.3 * liquidity_score + 0.3 * adx_score + 0.1 * volatility_score + 0.3 * performance_score as discovery_score
    from terms
)

select * from final
