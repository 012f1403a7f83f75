with redundancy as (
    select * from {{ source('results', 'correlation_redundancy') }}
),

clusters as (
    select
        run_id,
        symbol,
        cluster_id,
        label
    from {{ source('results', 'clusters') }}
    where stage = 'full'
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
        redundancy.run_id,
        redundancy.symbol,
        instruments.name,
        clusters.cluster_id,
        redundancy.nearest_symbol,
        redundancy.held_correlation,
        redundancy.n_redundant,
        redundancy.is_redundant
    from redundancy
    left join clusters on redundancy.run_id = clusters.run_id and redundancy.symbol = clusters.symbol
    left join instruments
        on redundancy.run_id = instruments.run_id and redundancy.symbol = instruments.symbol
)

select * from final
