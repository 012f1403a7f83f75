-- Weights of a window leave no debt, and its first session holds them, less the cost of the trade.
with weights as (
    select * from {{ source('results', 'tournament_weights') }}
),

sessions as (
    select * from {{ source('results', 'tournament_sessions') }}
),

decided as (
    select
        run_id,
        engine,
        risk_profile,
        "window",
        sum(weight) as gross_weight,
        sum(net_weight) as net_weight
    from weights
    group by run_id, engine, risk_profile, "window"
),

first_sessions as (
    select *
    from sessions
    where wealth > 0
    qualify row_number() over (partition by run_id, engine, risk_profile, simulator, "window" order by session_date) = 1
)

select
    decided.*,
    first_sessions.simulator,
    first_sessions.cost,
    first_sessions.gross_exposure,
    first_sessions.net_exposure
from decided
left join first_sessions
    on
        decided.run_id = first_sessions.run_id
        and decided.engine = first_sessions.engine
        and decided.risk_profile = first_sessions.risk_profile
        and decided."window" = first_sessions."window"
where
    decided.gross_weight > 1 + 1e-6
    or abs(first_sessions.gross_exposure - decided.gross_weight * (1 - first_sessions.cost)) > 1e-12
    or abs(first_sessions.net_exposure - decided.net_weight * (1 - first_sessions.cost)) > 1e-12
