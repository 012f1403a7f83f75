with selection as (
    select * from {{ source('results', 'selection') }}
),

candidates as (
    select
        run_id,
        symbol,
        scanners,
        discovery_score,
        n_venues
    from {{ ref('candidates') }}
),

instruments as (
    select
        run_id,
        symbol,
        name
    from {{ ref('instruments') }}
),

final as (
    select
        selection.run_id,
        selection.symbol,
        selection.identity,
        instruments.name,
        selection.asset_class,
        selection.sector,
        candidates.scanners,
        selection.cluster_id,
        selection.direction,
        candidates.n_venues,
        candidates.discovery_score,
        selection.momentum,
        selection.momentum_rank,
        selection.stability_rank,
        selection.convexity_rank,
        selection.liquidity_rank,
        selection.score,
        selection.identity_rank,
        selection.reason,
        selection.passed_gate,
        selection.is_recent_listing,
        selection.is_selected
    from selection
    left join candidates on selection.run_id = candidates.run_id and selection.symbol = candidates.symbol
    left join instruments
        on selection.run_id = instruments.run_id and selection.symbol = instruments.symbol
)

select * from final
