with final as (
    select
        run_id,
        engine,
        profile,
        simulator,
        metric,
        status,
        message,
        value
    from {{ source('results', 'tournament_metrics') }}
)

select * from final
