with clusters as (
    select * from {{ source('results', 'clusters') }}
),

selection as (
    select
        run_id,
        symbol,
        direction,
        is_selected
    from {{ source('results', 'selection') }}
),

instruments as (
    select
        run_id,
        symbol,
        name,
        asset_class,
        sector
    from {{ ref('instruments') }}
),

final as (
    select
        clusters.run_id,
        clusters.stage,
        clusters.symbol,
        clusters.cluster_id,
        clusters.subcluster_id,
        clusters.leaf_order,
        clusters.label,
        instruments.name,
        instruments.asset_class,
        instruments.sector,
        selection.direction,
        clusters.reason,
        selection.is_selected
    from clusters
    left join selection on clusters.run_id = selection.run_id and clusters.symbol = selection.symbol
    left join instruments
        on clusters.run_id = instruments.run_id and clusters.symbol = instruments.symbol
)

select * from final
