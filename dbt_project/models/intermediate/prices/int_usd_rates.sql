{{ config(materialized='table_in_place', tags=['columns', 'prices']) }}

with bars as (
    select
        source,
        symbol,
        session_date,
        close
    from {{ ref('int_bars_checked') }}
    where asset_class = 'fx'
),

pairs as (
    select
        source,
        symbol,
        base,
        quote,
        venue_priority
    from {{ ref('int_listings') }}
    where (quote = 'USD') <> (base = 'USD')
),

-- EURUSD is the euro in dollars, the inverse of USDJPY the yen; of several quotes, the preferred venue is used.
quoted as (
    select
        bars.source,
        case when pairs.quote = 'USD' then pairs.base else pairs.quote end as currency,
        bars.session_date,
        case when pairs.quote = 'USD' then bars.close else 1.0 / bars.close end as usd_rate
    from bars
    inner join pairs
        on
            bars.source = pairs.source
            and bars.symbol = pairs.symbol
    qualify row_number() over (
        partition by bars.source, currency, bars.session_date
        order by pairs.venue_priority asc, pairs.quote = 'USD' desc, bars.symbol asc
    ) = 1
),

-- A rate is valid until the next one, for ten days at most: a crypto bar of Sunday is converted at Friday's rate.
valid as (
    select
        source,
        currency,
        session_date,
        usd_rate,
        least(
            coalesce(
                lead(session_date) over (partition by source, currency order by session_date),
                session_date + interval 10 day
            ),
            session_date + interval 10 day
        ) as replaced_on
    from quoted
),

final as (
    select
        source,
        currency,
        unnest(generate_series(session_date, replaced_on - interval 1 day, interval 1 day))::date as session_date,
        usd_rate
    from valid
)

select * from final
