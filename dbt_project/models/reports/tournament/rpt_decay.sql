with engines as (
    select * from {{ ref('rpt_engines') }}
),

idealized as (
    select * from engines
    where simulator = 'idealized'
),

realized as (
    select * from engines
    where simulator = 'realized'
),

final as (
    select
        idealized.run_id,
        idealized.engine,
        idealized.risk_profile,
        idealized.total_return as idealized_total_return,
        realized.total_return as realized_total_return,
        idealized.total_return - realized.total_return as decay_total_return,
        idealized.cagr as idealized_cagr,
        realized.cagr as realized_cagr,
        idealized.cagr - realized.cagr as decay_cagr,
        idealized.sharpe as idealized_sharpe,
        realized.sharpe as realized_sharpe,
        idealized.sharpe - realized.sharpe as decay_sharpe,
        idealized.max_drawdown as idealized_max_drawdown,
        realized.max_drawdown as realized_max_drawdown,
        realized.turnover_annual,
        realized.cost_drag
    from idealized
    inner join realized
        on
            idealized.run_id = realized.run_id
            and idealized.engine = realized.engine
            and idealized.risk_profile = realized.risk_profile
    where idealized.total_return is not null and realized.total_return is not null
)

select * from final
