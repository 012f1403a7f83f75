-- Cost and turnover of a session are those of its trades, and every trade has a session.
with trades as (
    select * from {{ source('results', 'tournament_trades') }}
),

sessions as (
    select * from {{ source('results', 'tournament_sessions') }}
),

traded as (
    select
        run_id,
        engine,
        risk_profile,
        simulator,
        session_date,
        sum(slippage + commission) as trade_cost,
        0.5 * sum(abs(traded_weight)) as trade_turnover
    from trades
    group by run_id, engine, risk_profile, simulator, session_date
)

select
    traded.*,
    sessions.cost,
    sessions.turnover
from sessions
full outer join traded
    on
        sessions.run_id = traded.run_id
        and sessions.engine = traded.engine
        and sessions.risk_profile = traded.risk_profile
        and sessions.simulator = traded.simulator
        and sessions.session_date = traded.session_date
where
    sessions.run_id is null
    or abs(sessions.cost - coalesce(traded.trade_cost, 0)) > 1e-12
    or abs(sessions.turnover - coalesce(traded.trade_turnover, 0)) > 1e-12
