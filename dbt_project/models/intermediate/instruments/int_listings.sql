{{ config(tags=['columns']) }}

with instruments as (
    select * from {{ ref('stg_instruments') }}
    qualify row_number() over (partition by source, symbol order by valid_from_at desc) = 1
),

final as (
    select
        instruments.source,
        instruments.symbol,
        venues.calendar,
        venues.venue_priority,
        instruments.asset_class,
        pairs.base,
        pairs.quote,
        case
            when pairs.symbol is not null then coalesce(pairs.quote, instruments.quote)
            else coalesce(instruments.currency, instruments.quote, venues.venue_currency)
        end as currency
    from instruments
    inner join {{ ref('stg_venues') }} as venues on instruments.venue = venues.venue
    left join {{ ref('int_pairs_split') }} as pairs
        on
            instruments.source = pairs.source
            and instruments.symbol = pairs.symbol
            and instruments.valid_from_at = pairs.valid_from_at
)

select * from final
