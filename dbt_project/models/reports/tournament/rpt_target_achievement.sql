with final as (
    select
        run_id,
        engine,
        simulator,
        risk_profile,
        target,
        outcome,
        message
    from {{ source('results', 'target_achievement') }}
)

select * from final
