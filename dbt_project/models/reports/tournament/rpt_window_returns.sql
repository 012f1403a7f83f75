with sessions as (
    select * from {{ source('results', 'tournament_sessions') }}
),

compounded as (
    select
        run_id,
        engine,
        risk_profile,
        "window",
        product(1.0 + net_return) filter (where simulator = 'idealized') - 1.0 as idealized_return,
        product(1.0 + net_return) filter (where simulator = 'realized') - 1.0 as realized_return
    from sessions
    group by run_id, engine, risk_profile, "window"
),

final as (
    select
        run_id,
        engine,
        risk_profile,
        "window",
        idealized_return,
        realized_return,
        idealized_return - realized_return as decay
    from compounded
)

select * from final
