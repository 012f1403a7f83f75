{{ config(tags=['candidates']) }}

with scans as (
    select * from {{ ref('int_scans_scored') }}
),

kept as (
    select
        session_date,
        identity,
        symbol as representative
    from {{ ref('int_directions_chosen') }}
),

units as (
    select
        symbol,
        units
    from {{ ref('int_identities_assigned') }}
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
        -- In units of the representative: one unit of 1000PEPE is a thousand PEPE. The fixed order makes the sum the
        -- same in every run, to the last bit.
        sum(listings.volume * listing_units.units / kept_units.units order by listings.symbol) as volume,
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
    inner join units as listing_units on listings.symbol = listing_units.symbol
    inner join units as kept_units on kept.representative = kept_units.symbol
    group by
        listings.session_date,
        listings.identity
)

select * from final
