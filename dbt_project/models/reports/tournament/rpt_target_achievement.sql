with final as (
    select
        run_id,
        engine,
        simulator,
        risk_profile,
        target,
        verdict,
        message
    from {{ source('results', 'target_achievement') }}
)

select * from final
