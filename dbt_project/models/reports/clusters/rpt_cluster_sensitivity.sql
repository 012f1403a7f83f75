with final as (
    select
        run_id,
        threshold,
        n_clusters,
        largest_share,
        mean_intra_correlation,
        cophenetic_correlation,
        is_used
    from {{ source('results', 'cluster_sensitivity') }}
)

select * from final
