-- Weights of a window leave no debt, and its first session holds them, less the cost of the trade.
with decided as (
    select
        run_id,
        engine,
        risk_profile,
        "window",
        sum(weight) as gross_weight,
        sum(net_weight) as net_weight
    from {{ source('results', 'tournament_weights') }}
    group by all
),

first_sessions as (
    select
        run_id,
        engine,
        risk_profile,
        simulator,
        "window",
        cost,
        gross_exposure,
        net_exposure
    from {{ source('results', 'tournament_sessions') }}
    where wealth > 0
    qualify row_number() over (partition by run_id, engine, risk_profile, simulator, "window" order by session_date) = 1
)

select
    decided.*,
    first_sessions.simulator,
    first_sessions.gross_exposure,
    first_sessions.net_exposure
from decided
left join first_sessions using (run_id, engine, risk_profile, "window")
where
    decided.gross_weight > 1 + 1e-6
    or abs(first_sessions.gross_exposure - decided.gross_weight * (1 - first_sessions.cost)) > 1e-12
    or abs(first_sessions.net_exposure - decided.net_weight * (1 - first_sessions.cost)) > 1e-12
