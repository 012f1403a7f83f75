{{ config(tags=['replay']) }}

with scan_results as (
    select
        session_date as decided_on,
        symbol
    from {{ ref('int_candidates_merged') }}
),

run as (
    select light_sessions from {{ ref('int_run') }}
),

grid as (
    select session_date from {{ ref('int_session_grid') }}
),

first_sessions as (
    select
        symbol,
        calendar,
        genesis
    from {{ ref('int_first_sessions') }}
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
    from {{ ref('int_bars_of_run') }}
),

decisions as (
    select decided_on
    from scan_results
    group by decided_on
),

-- The light window at the decision: light_sessions grid dates back, or all when there are fewer.
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

-- A scan result without any session in its window has one row without session and gap.
final as (
    select
        scan_results.decided_on,
        scan_results.symbol,
        sessions.session_date,
        windows.window_start,
        first_sessions.genesis,
        max(bars.session_date) over (partition by scan_results.decided_on, scan_results.symbol) as last_session,
        case when sessions.session_date is not null then bars.session_date is null end as is_gap
    from scan_results
    left join windows on scan_results.decided_on = windows.decided_on
    left join first_sessions on scan_results.symbol = first_sessions.symbol
    left join sessions
        on
            first_sessions.calendar = sessions.calendar
            and sessions.session_date between windows.window_start and scan_results.decided_on
    left join bars
        on
            scan_results.symbol = bars.symbol
            and sessions.session_date = bars.session_date
)

select * from final
