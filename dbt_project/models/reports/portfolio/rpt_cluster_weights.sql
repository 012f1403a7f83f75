with cluster_weights as (
    select * from {{ source('results', 'cluster_weights') }}
),

clusters as (
    select
        run_id,
        cluster_id,
        any_value(purity) as purity,
        any_value(mean_correlation) as mean_correlation
    from {{ source('results', 'clusters') }}
    group by run_id, stage, cluster_id
    qualify dense_rank() over (partition by run_id order by stage = 'full' desc, stage asc) = 1
),

final as (
    select
        cluster_weights.run_id,
        cluster_weights.risk_profile,
        cluster_weights.cluster_id,
        cluster_weights.sleeve,
        cluster_weights.label,
        cluster_weights.n_members,
        cluster_weights.weight,
        cluster_weights.cap,
        cluster_weights.weight / nullif(cluster_weights.cap, 0) as cap_used,
        cluster_weights.risk_contribution,
        clusters.purity,
        clusters.mean_correlation,
        cluster_weights.weight >= cluster_weights.cap - 1e-6 as is_at_cap
    from cluster_weights
    left join clusters
        on cluster_weights.run_id = clusters.run_id and cluster_weights.cluster_id = clusters.cluster_id
)

select * from final
