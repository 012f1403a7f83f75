with pairs as (
    select * from {{ source('results', 'correlation_pairs') }}
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
        pairs.run_id,
        pairs.kind,
        pairs.rank,
        pairs.symbol,
        first_instrument.name,
        pairs.other_symbol,
        other_instrument.name as other_name,
        pairs.correlation,
        pairs.held_correlation,
        coalesce(first_cluster.cluster_id = other_cluster.cluster_id and first_cluster.cluster_id > 0, false)
            as is_one_cluster
    from pairs
    left join instruments as first_instrument
        on pairs.run_id = first_instrument.run_id and pairs.symbol = first_instrument.symbol
    left join instruments as other_instrument
        on pairs.run_id = other_instrument.run_id and pairs.other_symbol = other_instrument.symbol
    left join clusters as first_cluster
        on pairs.run_id = first_cluster.run_id and pairs.symbol = first_cluster.symbol
    left join clusters as other_cluster
        on pairs.run_id = other_cluster.run_id and pairs.other_symbol = other_cluster.symbol
)

select * from final
