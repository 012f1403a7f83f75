{{ config(tags=['columns']) }}

with instruments as (
    select
        symbol,
        ticker,
        asset_class,
        product,
        base,
        quote
    from {{ ref('int_instruments_in_force') }}
    where asset_class in ('crypto', 'fx')
),

quote_currencies as (
    select * from {{ ref('quote_currencies') }}
),

crypto_bases as (
    select base from {{ ref('crypto_bases') }}
),

-- Contract marks come off first: .P .F, PERP and SWAP, dates such as 250627, 27JUN25 or U2025; then separators.
unmarked as (
    select
        symbol,
        asset_class,
        base,
        quote,
        regexp_replace(
            regexp_replace(
                regexp_replace(
                    regexp_replace(ticker, '(=X|\.[PFS])$', ''),
                    '^(.{3,}?)[-_.]?(PERP|SWAP)$', '\1'
                ),
                case
                    when asset_class = 'fx' then '^$'
                    when product = 'dated'
                        then
                            '^(.{3,}?)([-_.]?(\d{6}|\d{8}|\d{1,2}[A-Z]{3}\d{2})|[-_.]?[FGHJKMNQUVXZ]\d{1,2}'
                            || '|[-_.]?[FGHJKMNQUVXZ]20\d{2})$'
                    else '^(.{3,}?)([-_.](\d{6}|\d{8}|\d{1,2}[A-Z]{3}\d{2})|[FGHJKMNQUVXZ]20\d{2})$'
                end,
                '\1'
            ),
            '[-_/.]', '', 'g'
        ) as pair
    from instruments
),

-- Every way to cut the pair. BTCBUSD and BNBUSD look alike: a quote that may be the tail of a coin's name counts only
-- behind a coin that is known.
cuts as (
    select
        unmarked.symbol,
        left(unmarked.pair, length(unmarked.pair) - length(quote_currencies.currency)) as base,
        quote_currencies.currency as quote
    from unmarked
    inner join quote_currencies
        on
            suffix(unmarked.pair, quote_currencies.currency)
            and length(unmarked.pair) > length(quote_currencies.currency)
    left join crypto_bases
        on left(unmarked.pair, length(unmarked.pair) - length(quote_currencies.currency)) = crypto_bases.base
    where
        unmarked.asset_class = 'crypto'
        and (not quote_currencies.is_ambiguous or crypto_bases.base is not null)
    qualify row_number() over (
        partition by unmarked.symbol
        order by length(quote_currencies.currency) desc
    ) = 1
),

final as (
    select
        unmarked.symbol,
        unmarked.asset_class,
        case
            when unmarked.base is not null then unmarked.base
            when unmarked.asset_class = 'fx' then left(unmarked.pair, 3)
            else coalesce(cuts.base, unmarked.pair)
        end as base,
        case
            when unmarked.quote is not null then unmarked.quote
            when unmarked.asset_class = 'fx' then nullif(substr(unmarked.pair, 4, 3), '')
            else cuts.quote
        end as quote
    from unmarked
    left join cuts on unmarked.symbol = cuts.symbol
)

select * from final
