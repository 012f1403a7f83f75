with final as (
    select
        run_id,
        engine,
        risk_profile,
        simulator,
        metric,
        status,
        message,
        value
    from {{ source('results', 'tournament_metrics') }}
)

select * from final
