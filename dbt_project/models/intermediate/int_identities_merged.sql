{{ config(materialized='table', tags=['columns', 'enrichment']) }}

with instruments as (
    select * from {{ ref('int_instruments_in_force') }}
),

exceptions as (
    select * from {{ ref('identity_exceptions') }}
),

futures_roots as (
    select root from {{ ref('futures_roots') }}
),

-- A multiplier is folded into the coin, unless the coin is named in the exceptions.
folded as (
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
    left join exceptions
        on
            pairs.base = exceptions.ticker_base
            and pairs.asset_class = exceptions.asset_class
),

-- ESZ5 is ES because ES is a root of the list, not because it begins with it: ABCZ5 may be a root of its own. What 1!,
-- =F or a whole year mark off is a root without any list.
futures as (
    select
        instruments.symbol,
        coalesce(
            instruments.root,
            futures_roots.root,
            nullif({{ root_marked_off('instruments.ticker') }}, ''),
            instruments.ticker
        ) as root
    from instruments
    left join futures_roots on {{ root_perhaps('instruments.ticker') }} = futures_roots.root
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

-- One ISIN known for a listing in a country holds for the same ticker at that country's other venues; not for a
-- contract or an index of that ticker.
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
            when instruments.asset_class = 'crypto' then 'CRYPTO:' || folded.identity_base
            when instruments.asset_class = 'fx' then 'FX:' || folded.identity_base || coalesce(folded.quote, '')
            when instruments.asset_class = 'future' then 'FUTURE:' || futures.root
            when instruments.product = 'index' then 'INDEX:' || isins.listing
            when isins.isin is not null then 'ISIN:' || isins.isin
            when instruments.asset_class = 'cfd' then 'CFD:' || isins.listing
            else isins.listing
        end as identity,
        isins.listing,
        coalesce(folded.identity_base, instruments.base) as base,
        coalesce(folded.quote, instruments.quote) as quote,
        futures.root,
        coalesce(folded.units, 1.0)::double as units
    from instruments
    left join folded on instruments.symbol = folded.symbol
    left join futures on instruments.symbol = futures.symbol
    left join isins on instruments.symbol = isins.symbol
)

select * from final
