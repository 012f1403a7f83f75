{{ config(tags=['columns']) }}

with quote_currencies as (
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

-- A separator in the ticker divides base and quote.
pairs as (
    select
        source,
        symbol,
        valid_from_at,
        venue,
        asset_class,
        base as base_given,
        quote as quote_given,
        {{ pair_as_written() }} as pair_written,
        regexp_replace(pair_written, '[-_/.]', '', 'g') as pair,
        nullif(regexp_extract(pair_written, '^([^-_/.]+)[-_/.][^-_/.]+$', 1), '') as base_written,
        nullif(regexp_extract(pair_written, '^[^-_/.]+[-_/.]([^-_/.]+)$', 1), '') as quote_written,
        nullif(regexp_replace(pair, coalesce(quote, '') || '$', ''), '') as base_left,
        regexp_matches(ticker, '[A-Z0-9][-_.]?PERP$') as is_marked_perp
    from {{ ref('stg_instruments') }}
    where asset_class in ('crypto', 'fx')
),

-- Every division of a pair at a quote currency of its venue.
cuts as (
    select
        pairs.*,
        left(pairs.pair, length(pairs.pair) - length(quote_currencies.currency)) as base_cut,
        quote_currencies.currency as quote_cut,
        quote_currencies.stands_for,
        quote_currencies.is_ambiguous,
        pairs.pair in (select crypto_bases.base from crypto_bases) as is_whole_a_coin,
        base_cut in (select crypto_bases.base from crypto_bases) as is_base_a_coin,
        quote_cut in (select crypto_bases.base from crypto_bases) as is_quote_a_coin
    from pairs
    inner join quote_currencies
        on
            suffix(pairs.pair, quote_currencies.currency)
            and length(pairs.pair) > length(quote_currencies.currency)
            and coalesce(list_contains(quote_currencies.venues, pairs.venue), true)
    where pairs.asset_class = 'crypto'
),

-- BTCBUSD and BNBUSD are ambiguous: a quote that may be the end of a coin's name counts only after a known coin.
-- A perpetual without a quote in its name is not quoted in a coin, and STETH is a coin, not ST quoted in ETH.
longest_cuts as (
    select
        source,
        symbol,
        valid_from_at,
        base_cut,
        quote_cut
    from cuts
    where
        case
            when quote_given is not null then quote_given = quote_cut or (quote_given = stands_for and is_base_a_coin)
            when is_ambiguous and not is_base_a_coin then false
            when is_quote_a_coin then not is_marked_perp and (is_base_a_coin or not is_whole_a_coin)
            else true
        end
    qualify row_number() over (partition by source, symbol, valid_from_at order by length(quote_cut) desc) = 1
),

split as (
    select
        pairs.source,
        pairs.symbol,
        pairs.valid_from_at,
        pairs.asset_class,
        case
            when pairs.base_given is not null then pairs.base_given
            when pairs.asset_class = 'fx' then left(pairs.pair, 3)
            else coalesce(pairs.base_written, longest_cuts.base_cut, pairs.base_left)
        end as base,
        case
            when pairs.quote_given is not null then pairs.quote_given
            when pairs.asset_class = 'fx' then nullif(substr(pairs.pair, 4, 3), '')
            else coalesce(pairs.quote_written, longest_cuts.quote_cut)
        end as quote
    from pairs
    left join longest_cuts
        on
            pairs.source = longest_cuts.source
            and pairs.symbol = longest_cuts.symbol
            and pairs.valid_from_at = longest_cuts.valid_from_at
),

final as (
    select
        split.source,
        split.symbol,
        split.valid_from_at,
        split.asset_class,
        split.base,
        coalesce(quote_currencies.stands_for, split.quote) as quote
    from split
    left join quote_currencies on split.quote = quote_currencies.currency
)

select * from final
