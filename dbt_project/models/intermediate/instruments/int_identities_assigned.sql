{{ config(materialized='table_in_place', tags=['scope', 'columns', 'enrichment']) }}

with instruments as (
    select * from {{ ref('int_instruments_as_of') }}
),

exceptions as (
    select * from {{ ref('identity_exceptions') }}
),

futures_roots as (
    select root from {{ ref('futures_roots') }}
),

-- The multiplier is removed from a coin, unless the exceptions name the coin.
coins as (
    select
        pairs.symbol,
        pairs.quote,
        case
            when exceptions.identity_base is not null then exceptions.identity_base
            when pairs.asset_class = 'fx' then pairs.base
            else {{ coin_of('pairs.base') }}
        end as identity_base,
        case
            when exceptions.identity_base is not null or pairs.asset_class = 'fx' then 1.0
            else {{ coins_in('pairs.base') }}
        end as units
    from {{ ref('int_pairs_split') }} as pairs
    inner join instruments
        on
            pairs.source = instruments.source
            and pairs.symbol = instruments.symbol
            and pairs.valid_from_at = instruments.valid_from_at
    left join exceptions
        on
            pairs.base = exceptions.ticker_base
            and pairs.asset_class = exceptions.asset_class
),

-- ESZ5 has the root ES because the list of roots names ES; ABCZ5 may be a root itself. Tickers that end in 1!, =F or a
-- four-digit year need no list.
futures as (
    select
        instruments.symbol,
        coalesce(
            instruments.root,
            futures_roots.root,
            nullif({{ explicit_root('instruments.ticker') }}, ''),
            instruments.ticker
        ) as root
    from instruments
    left join futures_roots on {{ possible_root('instruments.ticker') }} = futures_roots.root
    where instruments.asset_class = 'future'
),

listings as (
    select
        symbol,
        coalesce(country, 'ZZ') || ':' || {{ plain_ticker('ticker') }} as listing,
        product,
        isin
    from instruments
),

-- The ISIN of a listing applies to the same ticker at other venues of its country, but not to a contract or an index
-- with that ticker.
isins as (
    select
        symbol,
        listing,
        case
            when isin is not null then isin
            when min(isin) over same_listing = max(isin) over same_listing then min(isin) over same_listing
        end as isin
    from listings
    window same_listing as (partition by listing, product)
),

final as (
    select
        instruments.symbol,
        case
            when instruments.asset_class = 'crypto' then 'CRYPTO:' || coins.identity_base
            when instruments.asset_class = 'fx' then 'FX:' || coins.identity_base || coalesce(coins.quote, '')
            when instruments.asset_class = 'future' then 'FUTURE:' || futures.root
            when instruments.product = 'index' then 'INDEX:' || isins.listing
            when isins.isin is not null then 'ISIN:' || isins.isin
            when instruments.asset_class = 'cfd' then 'CFD:' || isins.listing
            else isins.listing
        end as identity,
        isins.listing,
        coalesce(coins.identity_base, instruments.base) as base,
        coalesce(coins.quote, instruments.quote) as quote,
        futures.root,
        coalesce(coins.units, 1.0)::double as units
    from instruments
    left join coins on instruments.symbol = coins.symbol
    left join futures on instruments.symbol = futures.symbol
    left join isins on instruments.symbol = isins.symbol
)

select * from final
