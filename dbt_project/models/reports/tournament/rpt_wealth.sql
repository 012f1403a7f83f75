with sessions as (
    select * from {{ source('results', 'tournament_sessions') }}
),

weekly as (
    select *
    from sessions
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
