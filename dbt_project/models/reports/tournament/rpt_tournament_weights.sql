with weights as (
    select * from {{ source('results', 'tournament_weights') }}
),

windows as (
    select
        run_id,
        "window",
        train_end
    from {{ source('results', 'tournament_windows') }}
    qualify row_number() over (partition by run_id order by "window" desc) = 1
),

instruments as (
    select
        run_id,
        symbol,
        name,
        asset_class
    from {{ ref('instruments') }}
),

final as (
    select
        weights.run_id,
        weights.engine,
        weights.risk_profile,
        weights.symbol,
        instruments.name,
        instruments.asset_class,
        weights."window",
        windows.train_end,
        weights.direction,
        weights.weight,
        weights.net_weight,
        previous.net_weight as previous_net_weight
    from weights
    inner join windows on weights.run_id = windows.run_id and weights."window" = windows."window"
    left join weights as previous
        on
            weights.run_id = previous.run_id
            and weights.engine = previous.engine
            and weights.risk_profile = previous.risk_profile
            and weights.symbol = previous.symbol
            and weights."window" = previous."window" + 1
    left join instruments
        on weights.run_id = instruments.run_id and weights.symbol = instruments.symbol
)

select * from final
