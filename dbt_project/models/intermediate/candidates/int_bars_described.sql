{{ config(tags=['columns', 'replay']) }}

with bars as (
    select * from {{ ref('int_bars_of_run') }}
),

instruments as (
    select
        symbol,
        calendar
    from {{ ref('int_instruments_described') }}
),

requested as (
    select
        calendar,
        last_session,
        bool_or(purpose = 'discovery') as is_discovery,
        bool_or(purpose = 'replay') as is_replay
    from {{ ref('int_sessions_decided') }}
    group by
        calendar,
        last_session
),

final as (
    select
        bars.symbol,
        bars.session_date,
        bars.high,
        bars.low,
        bars.close,
        bars.volume,
        bars.value_traded_usd,
        bars.is_close_only,
        instruments.calendar = '24/7' as is_round_the_clock,
        coalesce(requested.is_discovery, false) as is_discovery,
        coalesce(requested.is_replay, false) as is_replay
    from bars
    inner join instruments on bars.symbol = instruments.symbol
    left join requested
        on
            instruments.calendar = requested.calendar
            and bars.session_date = requested.last_session
)

select * from final
