-- A final bar of the run's source up to its time must have an instrument, a calendar and a session; otherwise
-- bars_daily would silently lose it.
with run as (
    select
        source,
        as_of
    from {{ ref('int_run') }}
),

bars as (
    select
        stg_bars.symbol,
        stg_bars.session_date
    from {{ ref('stg_bars') }} as stg_bars
    inner join run
        on
            stg_bars.source = run.source
            and stg_bars.session_date < run.as_of
    where
        stg_bars.bar_interval = '1d'
        and stg_bars.is_final
),

kept as (
    select
        symbol,
        session_date
    from {{ ref('bars_daily') }}
)

select
    bars.symbol,
    count(*) as n_lost,
    min(bars.session_date) as first_lost
from bars
left join kept
    on
        bars.symbol = kept.symbol
        and bars.session_date = kept.session_date
where kept.symbol is null
group by bars.symbol
