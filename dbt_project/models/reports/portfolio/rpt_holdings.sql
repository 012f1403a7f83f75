with weights as (
    select * from {{ source('results', 'weights') }}
),

instruments as (
    select
        run_id,
        symbol,
        name,
        sector
    from {{ ref('instruments') }}
),

cluster_labels as (
    select
        run_id,
        risk_profile,
        cluster_id,
        sleeve,
        label
    from {{ source('results', 'cluster_weights') }}
),

risk as (
    select *
    from {{ source('results', 'risk') }}
    qualify row_number() over (partition by run_id, symbol order by stage = 'full' desc, stage asc) = 1
),

final as (
    select
        weights.run_id,
        weights.risk_profile,
        weights.symbol,
        row_number() over (
            partition by weights.run_id, weights.risk_profile order by weights.weight desc, weights.symbol asc
        ) as weight_rank,
        weights.identity,
        instruments.name,
        weights.asset_class,
        instruments.sector,
        weights.cluster_id,
        cluster_labels.label as cluster_label,
        weights.sleeve,
        weights.direction,
        weights.weight,
        weights.net_weight,
        risk.volatility_annual,
        risk.cvar95,
        risk.fragility,
        risk.fragility_level,
        weights.is_recent_listing
    from weights
    left join instruments
        on weights.run_id = instruments.run_id and weights.symbol = instruments.symbol
    left join cluster_labels
        on
            weights.run_id = cluster_labels.run_id
            and weights.risk_profile = cluster_labels.risk_profile
            and weights.cluster_id = cluster_labels.cluster_id
            and weights.sleeve = cluster_labels.sleeve
    left join risk on weights.run_id = risk.run_id and weights.symbol = risk.symbol
)

select * from final
