with clusters as (
    select * from {{ source('results', 'clusters') }}
),

selection as (
    select
        run_id,
        symbol,
        is_selected
    from {{ source('results', 'selection') }}
),

final as (
    select
        clusters.run_id,
        clusters.stage,
        clusters.cluster_id,
        clusters.label,
        clusters.linkage,
        clusters.regime,
        count(*) as n_members,
        count(*) filter (where selection.is_selected) as n_selected,
        count(distinct clusters.subcluster_id) as n_subclusters,
        clusters.purity,
        clusters.threshold,
        clusters.min_correlation,
        clusters.mean_correlation,
        string_agg(clusters.symbol, ', ' order by clusters.leaf_order, clusters.symbol) as members
    from clusters
    left join selection on clusters.run_id = selection.run_id and clusters.symbol = selection.symbol
    where clusters.cluster_id > 0
    group by
        clusters.run_id,
        clusters.stage,
        clusters.cluster_id,
        clusters.label,
        clusters.linkage,
        clusters.regime,
        clusters.purity,
        clusters.threshold,
        clusters.min_correlation,
        clusters.mean_correlation
)

select * from final
