with metrics as (
    select * from {{ source('results', 'tournament_metrics') }}
    -- Metrics of all cells of a simulator are in rpt_overfitting.
    where metric not in ('n_trials', 'overfitting_probability', 'superiority_p_value')
),

final as (
    select
        run_id,
        engine,
        risk_profile,
        simulator,
        any_value(status) as status,
        any_value(message) as message,
        max(value) filter (where metric = 'total_return') as total_return,
        max(value) filter (where metric = 'cagr') as cagr,
        max(value) filter (where metric = 'volatility_annual') as volatility_annual,
        max(value) filter (where metric = 'sharpe') as sharpe,
        max(value) filter (where metric = 'sharpe_lower95') as sharpe_lower95,
        max(value) filter (where metric = 'sharpe_upper95') as sharpe_upper95,
        max(value) filter (where metric = 'probabilistic_sharpe') as probabilistic_sharpe,
        max(value) filter (where metric = 'deflated_sharpe') as deflated_sharpe,
        max(value) filter (where metric = 'sortino') as sortino,
        max(value) filter (where metric = 'max_drawdown') as max_drawdown,
        max(value) filter (where metric = 'cvar95') as cvar95,
        max(value) filter (where metric = 'turnover_annual') as turnover_annual,
        max(value) filter (where metric = 'cost_drag') as cost_drag,
        max(value) filter (where metric = 'beta') as beta,
        max(value) filter (where metric = 'alpha') as alpha,
        max(value) filter (where metric = 'information_ratio') as information_ratio
    from metrics
    group by run_id, engine, risk_profile, simulator
)

select * from final
