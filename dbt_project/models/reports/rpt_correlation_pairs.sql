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
        one.name,
        pairs.other_symbol,
        other.name as other_name,
        pairs.correlation,
        pairs.held_correlation,
        coalesce(one_cluster.cluster_id = other_cluster.cluster_id and one_cluster.cluster_id > 0, false)
            as is_one_cluster
    from pairs
    left join instruments as one on pairs.symbol = one.symbol
    left join instruments as other on pairs.other_symbol = other.symbol
    left join clusters as one_cluster on pairs.run_id = one_cluster.run_id and pairs.symbol = one_cluster.symbol
    left join clusters as other_cluster
        on pairs.run_id = other_cluster.run_id and pairs.other_symbol = other_cluster.symbol
)

select * from final
