-- Cost and turnover of a session are those of its trades.
with traded as (
    select
        run_id,
        engine,
        risk_profile,
        simulator,
        session_date,
        sum(slippage + commission) as cost,
        0.5 * sum(abs(traded_weight)) as turnover
    from {{ source('results', 'tournament_trades') }}
    group by all
),

sessions as (
    select
        run_id,
        engine,
        risk_profile,
        simulator,
        session_date,
        cost,
        turnover
    from {{ source('results', 'tournament_sessions') }}
)

select
    run_id,
    engine,
    risk_profile,
    simulator,
    session_date,
    sessions.cost,
    traded.cost as cost_of_trades,
    sessions.turnover,
    traded.turnover as turnover_of_trades
from sessions
full outer join traded using (run_id, engine, risk_profile, simulator, session_date)
where
    sessions.cost is null
    or abs(sessions.cost - coalesce(traded.cost, 0)) > 1e-12
    or abs(sessions.turnover - coalesce(traded.turnover, 0)) > 1e-12
