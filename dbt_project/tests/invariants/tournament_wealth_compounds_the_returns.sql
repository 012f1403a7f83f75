-- Wealth begins with 1 and grows by the net return of each session.
select
    run_id,
    engine,
    risk_profile,
    simulator,
    session_date,
    wealth,
    net_return
from {{ source('results', 'tournament_sessions') }}
qualify
    abs(
        wealth
        - (1 + net_return) * lag(wealth, 1, 1.0) over (
            partition by run_id, engine, risk_profile, simulator order by session_date
        )
    ) > 1e-12 * greatest(wealth, 1)
