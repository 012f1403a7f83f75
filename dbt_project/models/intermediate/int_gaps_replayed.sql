{{ config(tags=['replay']) }}

with found as (
    select
        session_date as decided_on,
        symbol
    from {{ ref('int_candidates_merged') }}
),

run as (
    select light_sessions from {{ ref('int_run') }}
),

grid as (
    select session_date from {{ ref('int_grid') }}
),

genesis as (
    select
        symbol,
        calendar,
        genesis
    from {{ ref('int_genesis') }}
),

sessions as (
    select
        calendar,
        session_date
    from {{ ref('int_sessions_completed') }}
),

bars as (
    select
        symbol,
        session_date
    from {{ ref('bars_daily') }}
),

decisions as (
    select decided_on
    from found
    group by decided_on
),

-- The light window as it stood at the decision: as many grid dates back, or all where there are fewer.
windows as (
    select
        decisions.decided_on,
        grid.session_date as window_start
    from decisions
    cross join run
    inner join grid on decisions.decided_on >= grid.session_date
    qualify
        row_number() over (partition by decisions.decided_on order by grid.session_date desc)
        = least(run.light_sessions, count(*) over (partition by decisions.decided_on))
),

-- A find without any session in its window has one row, and on that no session and no answer.
final as (
    select
        found.decided_on,
        found.symbol,
        sessions.session_date,
        windows.window_start,
        genesis.genesis,
        max(bars.session_date) over (partition by found.decided_on, found.symbol) as last_session,
        case when sessions.session_date is not null then bars.session_date is null end as is_gap
    from found
    left join windows on found.decided_on = windows.decided_on
    left join genesis on found.symbol = genesis.symbol
    left join sessions
        on
            genesis.calendar = sessions.calendar
            and sessions.session_date between windows.window_start and found.decided_on
    left join bars
        on
            found.symbol = bars.symbol
            and sessions.session_date = bars.session_date
)

select * from final
