with orders as (
    select * from {{ source('results', 'orders') }}
),

instruments as (
    select
        run_id,
        symbol,
        name
    from {{ ref('instruments') }}
),

final as (
    select
        orders.run_id,
        orders.risk_profile,
        orders.symbol,
        orders.side,
        instruments.name,
        orders.venue,
        orders.weight_change,
        orders.target_weight,
        orders.notional,
        orders.last_price,
        orders.quantity
    from orders
    left join instruments
        on orders.run_id = instruments.run_id and orders.symbol = instruments.symbol
)

select * from final
