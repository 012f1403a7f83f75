with final as (
    select
        run_id,
        "window",
        train_start,
        train_end,
        test_start,
        test_end,
        regime,
        realised_regime,
        message,
        n_candidates,
        n_selected,
        n_clusters
    from {{ source('results', 'tournament_windows') }}
)

select * from final
