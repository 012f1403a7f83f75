with weights as (
    select * from {{ source('results', 'weights') }}
),

final as (
    select
        run_id,
        risk_profile,
        case when sleeve = 'cash' then 'cash' else asset_class end as asset_class,
        count(*) filter (where weight > 0) as n_holdings,
        sum(weight order by symbol) as weight,
        coalesce(sum(weight order by symbol) filter (where direction > 0 and sleeve <> 'cash'), 0.0) as long_weight,
        coalesce(sum(weight order by symbol) filter (where direction < 0), 0.0) as short_weight
    from weights
    group by run_id, risk_profile, case when sleeve = 'cash' then 'cash' else asset_class end
)

select * from final
