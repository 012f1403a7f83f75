{{ config(tags=['columns', 'prices']) }}

with bars as (
    select * from {{ ref('int_bars_in_scope') }}
),

usd_rates as (
    select
        currency,
        session_date,
        usd_rate
    from {{ ref('int_usd_rates') }}
),

quote_currencies as (
    select
        currency,
        is_usd_pegged
    from {{ ref('quote_currencies') }}
),

converted as (
    select
        bars.*,
        case when quote_currencies.is_usd_pegged then 1.0 else usd_rates.usd_rate end as usd_rate,
        -- Spot FX has no consolidated volume; a volume of 0 means unknown.
        case when bars.asset_class = 'fx' then nullif(bars.volume, 0) else bars.volume end as known_volume
    from bars
    left join quote_currencies on bars.currency = quote_currencies.currency
    left join usd_rates
        on
            bars.currency = usd_rates.currency
            and bars.session_date = usd_rates.session_date
),

final as (
    select
        symbol,
        session_date,
        open,
        high,
        low,
        close,
        adj_close,
        coalesce(adj_close, close) as price,
        known_volume as volume,
        close * known_volume * usd_rate as value_traded_usd,
        is_close_only,
        first_seen_at
    from converted
)

select * from final
order by
    symbol,
    session_date
