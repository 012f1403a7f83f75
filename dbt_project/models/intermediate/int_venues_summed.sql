{{ config(tags=['candidates']) }}

with scans as (
    select * from {{ ref('int_scans_scored') }}
),

kept as (
    select
        session_date,
        identity,
        symbol as representative
    from {{ ref('int_directions_settled') }}
),

units as (
    select
        symbol,
        units
    from {{ ref('int_identities_merged') }}
),

-- A symbol found on both sides is one venue and is summed once.
listings as (
    select * from scans
    qualify row_number() over (partition by session_date, symbol order by direction desc) = 1
),

final as (
    select
        listings.session_date,
        listings.identity,
        count(*) as n_venues,
        -- In the representative's units: one of 1000PEPE is a thousand of PEPE. Without an order the last bit of a sum
        -- is another one in every run.
        sum(listings.volume * own.units / represented.units order by listings.symbol) as volume,
        sum(listings.value_traded_usd order by listings.symbol) as value_traded_usd,
        coalesce(to_json(
            list(
                {
                    'symbol': listings.symbol,
                    'venue': listings.venue,
                    'product': listings.product,
                    'value_traded_usd': listings.value_traded_usd
                }
                order by listings.value_traded_usd desc nulls last, listings.venue_priority asc, listings.symbol asc
            ) filter (where listings.symbol <> kept.representative)
        )::varchar, '[]') as alternates
    from listings
    inner join kept
        on
            listings.session_date = kept.session_date
            and listings.identity = kept.identity
    inner join units as own on listings.symbol = own.symbol
    inner join units as represented on kept.representative = represented.symbol
    group by
        listings.session_date,
        listings.identity
)

select * from final
