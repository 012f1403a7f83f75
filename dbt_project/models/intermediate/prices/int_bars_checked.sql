{{ config(tags=['columns']) }}

select
    bars.source,
    bars.symbol,
    bars.session_date,
    listings.asset_class,
    listings.currency,
    bars.open,
    bars.high,
    bars.low,
    bars.close,
    bars.adj_close,
    bars.volume,
    bars.is_close_only,
    bars.first_seen_at
from {{ ref('stg_bars') }} as bars
inner join {{ ref('int_listings') }} as listings
    on
        bars.source = listings.source
        and bars.symbol = listings.symbol
inner join {{ ref('stg_sessions') }} as sessions
    on
        listings.calendar = sessions.calendar
        and bars.session_date = sessions.session_date
where
    bars.bar_interval = '1d'
    and bars.is_final
