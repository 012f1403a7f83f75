with final as (
    select
        run_id,
        simulator,
        metric,
        message,
        value
    from {{ source('results', 'tournament_metrics') }}
    where metric in ('n_trials', 'overfitting_probability', 'superiority_p_value')
    qualify row_number() over (partition by run_id, simulator, metric order by engine, risk_profile) = 1
)

select * from final
