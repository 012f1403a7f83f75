-- A final daily bar must have an instrument, a calendar and a session; otherwise bars_daily would silently lose it.
with bars as (
    select
        source,
        symbol,
        session_date
    from {{ ref('stg_bars') }}
    where
        bar_interval = '1d'
        and is_final
)

select
    bars.source,
    bars.symbol,
    count(*) as n_lost,
    min(bars.session_date) as first_lost
from bars
anti join {{ ref('bars_daily') }} as kept
    on
        bars.source = kept.source
        and bars.symbol = kept.symbol
        and bars.session_date = kept.session_date
group by
    bars.source,
    bars.symbol
