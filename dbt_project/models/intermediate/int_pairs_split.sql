{{ config(tags=['columns']) }}

with instruments as (
    select
        symbol,
        venue,
        ticker,
        asset_class,
        product,
        base,
        quote
    from {{ ref('int_instruments_in_force') }}
    where asset_class in ('crypto', 'fx')
),

quote_currencies as (
    select
        currency,
        coalesce(stands_for, currency) as stands_for,
        string_split(venues, ' ') as venues,
        is_ambiguous
    from {{ ref('quote_currencies') }}
),

crypto_bases as (
    select base from {{ ref('crypto_bases') }}
),

-- Contract marks come off first: .P .F 1!, PERP, SWAP and their like, and dates such as 250627, 27JUN25 or 26Z2025.
-- Yahoo leaves the dollar out of JPY=X.
unmarked as (
    select
        symbol,
        venue,
        asset_class,
        base as base_given,
        quote as quote_given,
        regexp_matches(ticker, '[A-Z0-9][-_.]?PERP$') as is_marked_perp,
        regexp_replace(
            regexp_replace(
                regexp_replace(
                    case
                        when asset_class = 'fx' and regexp_matches(ticker, '^[A-Z]{3}=X$') then 'USD' || ticker
                        else ticker
                    end,
                    '(=X|\.[PFS]|[1-9]!)$', ''
                ),
                '^(.+?)([-_.]?PERP|[-_.](PERPETUAL|SWAP|[UD]MCBL|SPBL))$', '\1'
            ),
            case
                when asset_class = 'fx' then '^$'
                when product = 'dated'
                    then
                        '^(.+?)([-_.]?(\d{6}|\d{8}|\d{1,2}[A-Z]{3}\d{2})'
                        || '|[-_.]?\d{0,2}[FGHJKMNQUVXZ](20\d{2}|\d{1,2}))$'
                else '^(.+?)([-_.](\d{6}|\d{8}|\d{1,2}[A-Z]{3}\d{2})|\d{0,2}[FGHJKMNQUVXZ]20\d{2})$'
            end,
            '\1'
        ) as pair_written
    from instruments
),

-- A separator says where a pair is cut; nothing is guessed then.
separated as (
    select
        *,
        regexp_replace(pair_written, '[-_/.]', '', 'g') as pair,
        nullif(regexp_extract(pair_written, '^([^-_/.]+)[-_/.][^-_/.]+$', 1), '') as base_written,
        nullif(regexp_extract(pair_written, '^[^-_/.]+[-_/.]([^-_/.]+)$', 1), '') as quote_written
    from unmarked
),

-- Every way to cut the pair. BTCBUSD and BNBUSD look alike: a quote that may be the tail of a coin's name counts only
-- behind a coin that is known and at the venues that quote it. A perpetual that names no quote has no coin for one, and
-- STETH is not ST in ether.
cuts as (
    select
        separated.symbol,
        left(separated.pair, length(separated.pair) - length(quote_currencies.currency)) as base,
        quote_currencies.currency as quote
    from separated
    inner join quote_currencies
        on
            suffix(separated.pair, quote_currencies.currency)
            and length(separated.pair) > length(quote_currencies.currency)
            and coalesce(list_contains(quote_currencies.venues, separated.venue), true)
    left join crypto_bases
        on left(separated.pair, length(separated.pair) - length(quote_currencies.currency)) = crypto_bases.base
    left join crypto_bases as quoted_coins on quote_currencies.currency = quoted_coins.base
    left join crypto_bases as whole_coins on separated.pair = whole_coins.base
    where
        separated.asset_class = 'crypto'
        and coalesce(
            separated.quote_given = quote_currencies.currency
            or (separated.quote_given = quote_currencies.stands_for and crypto_bases.base is not null),
            true
        )
        and (
            separated.quote_given is not null
            or (
                (not quote_currencies.is_ambiguous or crypto_bases.base is not null)
                and (
                    quoted_coins.base is null
                    or (not separated.is_marked_perp and (whole_coins.base is null or crypto_bases.base is not null))
                )
            )
        )
    qualify row_number() over (
        partition by separated.symbol
        order by length(quote_currencies.currency) desc
    ) = 1
),

settled as (
    select
        separated.symbol,
        separated.asset_class,
        case
            when separated.base_given is not null then separated.base_given
            when separated.asset_class = 'fx' then left(separated.pair, 3)
            else
                coalesce(
                    separated.base_written,
                    cuts.base,
                    nullif(regexp_replace(separated.pair, coalesce(separated.quote_given, '') || '$', ''), '')
                )
        end as base,
        case
            when separated.quote_given is not null then separated.quote_given
            when separated.asset_class = 'fx' then nullif(substr(separated.pair, 4, 3), '')
            else coalesce(separated.quote_written, cuts.quote)
        end as quote
    from separated
    left join cuts on separated.symbol = cuts.symbol
),

final as (
    select
        settled.symbol,
        settled.asset_class,
        settled.base,
        coalesce(quote_currencies.stands_for, settled.quote) as quote
    from settled
    left join quote_currencies on settled.quote = quote_currencies.currency
)

select * from final
