with final as (
    select
        run_id,
        engine,
        simulator,
        risk_profile,
        metric,
        raw_pool,
        selected,
        optimised,
        selection_alpha,
        selection_lower,
        selection_upper,
        optimisation_alpha,
        optimisation_lower,
        optimisation_upper,
        message
    from {{ source('results', 'alpha_isolation') }}
)

select * from final
