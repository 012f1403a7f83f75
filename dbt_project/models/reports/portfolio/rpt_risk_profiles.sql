with weights as (
    select * from {{ source('results', 'weights') }}
),

solves as (
    select
        run_id,
        risk_profile,
        status
    from {{ source('results', 'solves') }}
    qualify row_number() over (partition by run_id, risk_profile order by engine = 'ours' desc, engine asc) = 1
),

totals as (
    select
        run_id,
        risk_profile,
        count(*) filter (where sleeve <> 'cash' and weight > 0) as n_holdings,
        count(distinct cluster_id) filter (where sleeve <> 'cash' and weight > 0) as n_clusters,
        sum(weight order by symbol) as total_weight,
        coalesce(sum(weight order by symbol) filter (where sleeve <> 'cash' and direction > 0), 0.0) as long_weight,
        coalesce(sum(weight order by symbol) filter (where sleeve <> 'cash' and direction < 0), 0.0) as short_weight,
        coalesce(sum(weight order by symbol) filter (where sleeve = 'cash'), 0.0) as cash_weight,
        coalesce(sum(net_weight order by symbol) filter (where sleeve <> 'cash'), 0.0) as net_weight,
        max(weight) filter (where sleeve <> 'cash') as largest_weight,
        1.0 / nullif(sum(weight * weight order by symbol) filter (where sleeve <> 'cash'), 0.0) as effective_holdings
    from weights
    group by run_id, risk_profile
),

final as (
    select
        totals.run_id,
        totals.risk_profile,
        solves.status,
        totals.n_holdings,
        totals.n_clusters,
        totals.total_weight,
        totals.long_weight,
        totals.short_weight,
        totals.cash_weight,
        totals.net_weight,
        totals.largest_weight,
        totals.effective_holdings
    from totals
    left join solves on totals.run_id = solves.run_id and totals.risk_profile = solves.risk_profile
)

select * from final
