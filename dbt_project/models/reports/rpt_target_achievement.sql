with final as (
    select
        run_id,
        engine,
        simulator,
        profile,
        target,
        verdict,
        message
    from {{ source('results', 'target_achievement') }}
)

select * from final
