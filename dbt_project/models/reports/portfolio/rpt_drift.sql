with drift as (
    select * from {{ source('results', 'drift') }}
),

orders as (
    select
        run_id,
        risk_profile,
        count(*) as n_orders
    from {{ source('results', 'orders') }}
    group by run_id, risk_profile
),

portfolios as (
    select
        run_id,
        risk_profile,
        any_value(portfolio_action) as portfolio_action,
        any_value(turnover) as turnover,
        max(abs(drift)) as largest_drift,
        count(*) as n_positions,
        count(*) filter (where action = 'SKIPPED') as n_skipped
    from drift
    group by run_id, risk_profile
),

final as (
    select
        portfolios.run_id,
        portfolios.risk_profile,
        portfolios.portfolio_action,
        portfolios.turnover,
        portfolios.largest_drift,
        portfolios.n_positions,
        portfolios.n_skipped,
        coalesce(orders.n_orders, 0) as n_orders
    from portfolios
    left join orders on portfolios.run_id = orders.run_id and portfolios.risk_profile = orders.risk_profile
)

select * from final
