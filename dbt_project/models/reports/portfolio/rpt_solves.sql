with final as (
    select
        run_id,
        risk_profile,
        engine,
        status,
        solver,
        covariance,
        binding,
        message,
        iterations,
        primal_residual,
        dual_residual,
        gap,
        objective,
        seconds
    from {{ source('results', 'solves') }}
)

select * from final
