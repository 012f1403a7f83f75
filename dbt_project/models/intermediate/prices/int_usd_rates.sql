{{ config(tags=['columns']) }}

with bars as (
    select
        symbol,
        session_date,
        close
    from {{ ref('int_bars_in_scope') }}
    where asset_class = 'fx'
),

identities as (
    select
        symbol,
        base,
        quote
    from {{ ref('int_identities_assigned') }}
),

instruments as (
    select
        symbol,
        venue_priority
    from {{ ref('int_instruments_as_of') }}
),

-- EURUSD is the euro in dollars, the inverse of USDJPY the yen; of several quotes, the preferred venue is used.
quoted as (
    select
        case when identities.quote = 'USD' then identities.base else identities.quote end as currency,
        bars.session_date,
        case when identities.quote = 'USD' then bars.close else 1.0 / bars.close end as usd_rate
    from bars
    inner join identities on bars.symbol = identities.symbol
    inner join instruments on bars.symbol = instruments.symbol
    where (identities.quote = 'USD') <> (identities.base = 'USD')
    qualify row_number() over (
        partition by currency, bars.session_date
        order by instruments.venue_priority asc, identities.quote = 'USD' desc, bars.symbol asc
    ) = 1
),

-- A rate is valid until the next one, for ten days at most: a crypto bar of Sunday is converted at Friday's rate.
valid as (
    select
        currency,
        session_date,
        usd_rate,
        least(
            coalesce(
                lead(session_date) over (partition by currency order by session_date),
                session_date + interval 10 day
            ),
            session_date + interval 10 day
        ) as replaced_on
    from quoted
),

final as (
    select
        currency,
        unnest(generate_series(session_date, replaced_on - interval 1 day, interval 1 day))::date as session_date,
        usd_rate
    from valid
)

select * from final
