{{ config(materialized='table', tags=['columns', 'enrichment']) }}

with instruments as (
    select * from {{ ref('int_instruments_in_force') }}
),

pairs as (
    select * from {{ ref('int_pairs_split') }}
),

exceptions as (
    select * from {{ ref('identity_exceptions') }}
),

futures_roots as (
    select root from {{ ref('futures_roots') }}
),

-- A multiplier is folded into the coin (1000PEPE, 1MBABYDOGE, SHIB1000), unless the coin is named in the exceptions.
folded as (
    select
        pairs.symbol,
        pairs.base,
        pairs.quote,
        coalesce(
            exceptions.identity_base,
            case
                when pairs.asset_class = 'fx' then pairs.base
                else regexp_replace(
                    regexp_replace(pairs.base, '^(?:1000000|10000|1000|1M([A-Z]{2}))([A-Z]+)$', '\1\2'),
                    '^([A-Z]{3,})1000$', '\1'
                )
            end
        ) as identity_base,
        case
            when pairs.asset_class = 'fx' or exceptions.identity_base is not null then 1.0
            when regexp_matches(pairs.base, '^(1000000[A-Z]+|1M[A-Z]{3,})$') then 1e6
            when regexp_matches(pairs.base, '^10000[A-Z]+$') then 1e4
            when regexp_matches(pairs.base, '^(1000[A-Z]+|[A-Z]{3,}1000)$') then 1e3
            else 1.0
        end::double as units
    from pairs
    left join exceptions
        on
            pairs.base = exceptions.ticker_base
            and pairs.asset_class = exceptions.asset_class
),

-- ES1!, ESZ5 and ESZ2025 are ES because ES is a root of the list, not because they begin with it. What 1!, =F or a
-- whole year mark off is a root without any list; ABCZ5 may be a root of its own.
futures as (
    select
        instruments.symbol,
        coalesce(
            instruments.root,
            futures_roots.root,
            nullif(
                regexp_extract(
                    instruments.ticker, '^([A-Z0-9]+?)(?:[1-9]!|=F|[FGHJKMNQUVXZ]20\d{2})(?:\.[A-Z]+)?$', 1
                ),
                ''
            ),
            instruments.ticker
        ) as root
    from instruments
    left join futures_roots
        on
            regexp_extract(
                instruments.ticker,
                '^([A-Z0-9]+?)(?:[1-9]!|=F|[FGHJKMNQUVXZ](?:\d|\d{2}|20\d{2}))?(?:\.[A-Z]+)?$',
                1
            ) = futures_roots.root
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
        coalesce(
            isin,
            case
                when min(isin) over same_listing = max(isin) over same_listing
                    then min(isin) over same_listing
            end
        ) as isin
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
