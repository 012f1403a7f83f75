with weights as (
    select * from {{ source('results', 'weights') }}
),

barbells as (
    select
        run_id,
        risk_profile
    from weights
    where sleeve = 'aggressor'
    group by run_id, risk_profile
),

risk as (
    select
        run_id,
        symbol,
        convexity
    from {{ source('results', 'risk') }}
    qualify row_number() over (partition by run_id, symbol order by stage = 'full' desc, stage asc) = 1
),

final as (
    select
        weights.run_id,
        weights.risk_profile,
        weights.sleeve,
        count(*) as n_holdings,
        count(distinct weights.cluster_id) as n_clusters,
        sum(weights.weight order by weights.symbol) as weight,
        sum(weights.net_weight order by weights.symbol) as net_weight,
        avg(risk.convexity order by weights.symbol) as mean_convexity,
        string_agg(weights.symbol, ', ' order by weights.weight desc, weights.symbol asc) as members
    from weights
    inner join barbells on weights.run_id = barbells.run_id and weights.risk_profile = barbells.risk_profile
    left join risk on weights.run_id = risk.run_id and weights.symbol = risk.symbol
    group by weights.run_id, weights.risk_profile, weights.sleeve
)

select * from final
