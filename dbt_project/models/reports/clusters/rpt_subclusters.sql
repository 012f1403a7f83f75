with clusters as (
    select * from {{ source('results', 'clusters') }}
    where cluster_id > 0
),

selection as (
    select
        run_id,
        symbol,
        identity
    from {{ source('results', 'selection') }}
),

final as (
    select
        clusters.run_id,
        clusters.stage,
        clusters.cluster_id,
        clusters.subcluster_id,
        any_value(clusters.label) as cluster_label,
        count(*) as n_members,
        count(distinct selection.identity) as n_identities,
        string_agg(clusters.symbol, ', ' order by clusters.leaf_order, clusters.symbol) as members
    from clusters
    left join selection on clusters.run_id = selection.run_id and clusters.symbol = selection.symbol
    group by clusters.run_id, clusters.stage, clusters.cluster_id, clusters.subcluster_id
    -- rpt_clusters shows the clusters with one sub-cluster.
    qualify count(*) over (partition by clusters.run_id, clusters.stage, clusters.cluster_id) > 1
)

select * from final
