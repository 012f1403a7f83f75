{{ config(tags=['columns']) }}

with bars as (
    select * from {{ ref('stg_bars') }}
    where
        bar_interval = '1d'
        and is_final
),

run as (
    select source from {{ ref('int_run') }}
),

instruments as (
    select
        symbol,
        calendar,
        asset_class,
        currency
    from {{ ref('int_instruments_as_of') }}
),

identities as (
    select
        symbol,
        quote
    from {{ ref('int_identities_assigned') }}
),

sessions as (
    select
        calendar,
        session_date
    from {{ ref('int_sessions_completed') }}
),

final as (
    select
        bars.symbol,
        bars.session_date,
        instruments.calendar,
        instruments.asset_class,
        case
            when instruments.asset_class in ('crypto', 'fx') then identities.quote
            else instruments.currency
        end as currency,
        bars.open,
        bars.high,
        bars.low,
        bars.close,
        bars.adj_close,
        bars.volume,
        bars.is_close_only,
        bars.first_seen_at
    from bars
    inner join run on bars.source = run.source
    inner join instruments on bars.symbol = instruments.symbol
    inner join identities on bars.symbol = identities.symbol
    inner join sessions
        on
            instruments.calendar = sessions.calendar
            and bars.session_date = sessions.session_date
)

select * from final
