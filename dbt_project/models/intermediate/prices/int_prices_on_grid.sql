{{ config(tags=['candidates', 'returns']) }}

with grid as (
    select
        session_date as grid_date,
        previous_session_date
    from {{ ref('int_session_grid') }}
),

instruments as (
    select
        symbol,
        calendar,
        first_session
    from {{ ref('int_instruments_described') }}
    where first_session is not null
),

bars as (
    select
        symbol,
        session_date,
        price
    from {{ ref('int_bars_of_run') }}
),

sessions as (
    select
        calendar,
        session_date
    from {{ ref('int_sessions_completed') }}
),

calendars as (
    select calendar
    from instruments
    group by calendar
),

-- A session belongs to the first grid date at or after it: Saturday and Sunday belong to Monday.
assigned as (
    select
        sessions.calendar,
        sessions.session_date,
        grid.grid_date
    from sessions
    asof inner join grid on sessions.session_date <= grid.grid_date
),

last_sessions as (
    select
        calendar,
        grid_date,
        max(session_date) as session_date
    from assigned
    group by
        calendar,
        grid_date
),

slots as (
    select
        calendars.calendar,
        grid.grid_date,
        last_sessions.session_date
    from calendars
    cross join grid
    left join last_sessions
        on
            calendars.calendar = last_sessions.calendar
            and grid.grid_date = last_sessions.grid_date
),

-- The price of a slot is that of its last expected session, and unknown without its bar.
final as (
    select
        instruments.symbol,
        slots.grid_date as session_date,
        bars.price,
        slots.session_date is not null as has_session,
        slots.session_date is not null and bars.price is null as is_gap
    from instruments
    inner join slots
        on
            instruments.calendar = slots.calendar
            and coalesce(slots.session_date, slots.grid_date) >= instruments.first_session
    left join bars
        on
            instruments.symbol = bars.symbol
            and slots.session_date = bars.session_date
)

select * from final
