with tournament_returns as (
    select * from {{ source('results', 'tournament_returns') }}
),

compounded as (
    select
        run_id,
        engine,
        risk_profile,
        simulator,
        session_date,
        product(1.0 + coalesce(return, 0.0)) over (
            partition by run_id, engine, risk_profile, simulator
            order by session_date
            rows between unbounded preceding and current row
        ) as wealth
    from tournament_returns
),

weekly as (
    select *
    from compounded
    qualify
        row_number() over (
            partition by run_id, engine, risk_profile, simulator, date_trunc('week', session_date)
            order by session_date desc
        ) = 1
),

final as (
    select
        run_id,
        engine,
        risk_profile,
        simulator,
        session_date,
        wealth
    from weekly
)

select * from final
