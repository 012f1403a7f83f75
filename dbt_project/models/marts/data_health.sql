{{ config(tags=['prices', 'window']) }}

with instruments as (
    select
        symbol,
        identity,
        calendar,
        asset_class,
        is_benchmark,
        is_investable,
        genesis
    from {{ ref('instruments') }}
),

run as (
    select
        run_id,
        source,
        as_of,
        max_stale_sessions
    from {{ ref('int_run') }}
),

scope as (
    select window_start
    from {{ ref('int_window') }}
),

-- The last bar, in the window or before it, tells how stale the series is.
sessions as (
    select
        symbol,
        session_date,
        is_gap,
        max(case when not is_gap then session_date end) over (partition by symbol) as last_session
    from {{ ref('int_gaps_flagged') }}
),

counts as (
    select
        symbol,
        count(*) as n_expected,
        count(*) filter (where not is_gap) as n_present,
        count(*) filter (where is_gap) as n_gaps,
        min(case when not is_gap then session_date end) as first_session,
        max(last_session) as last_session,
        count(*) filter (where last_session is null or session_date > last_session) as n_stale_sessions
    from sessions
    group by symbol
),

-- A refused row without a date cannot be shown to lie outside the window, so it counts.
refused as (
    select
        quarantine.symbol,
        count(*) as n_quarantined
    from {{ ref('stg_quarantine') }} as quarantine
    inner join run on quarantine.source = run.source
    cross join scope
    where
        quarantine.bar_interval = '1d'
        and coalesce(quarantine.session_date, run.as_of) between scope.window_start and run.as_of
    group by quarantine.symbol
),

calendar_starts as (
    select
        sessions.calendar,
        min(sessions.session_date) as first_window_session
    from {{ ref('int_sessions_completed') }} as sessions
    inner join scope on sessions.session_date >= scope.window_start
    group by sessions.calendar
),

measured as (
    select
        instruments.*,
        run.run_id,
        run.max_stale_sessions,
        scope.window_start,
        calendar_starts.first_window_session,
        coalesce(counts.n_expected, 0) as n_expected,
        coalesce(counts.n_present, 0) as n_present,
        coalesce(counts.n_gaps, 0) as n_gaps,
        coalesce(refused.n_quarantined, 0) as n_quarantined,
        coalesce(counts.n_stale_sessions, 0) as n_stale_sessions,
        counts.first_session,
        counts.last_session
    from instruments
    cross join run
    cross join scope
    left join counts on instruments.symbol = counts.symbol
    left join refused on instruments.symbol = refused.symbol
    left join calendar_starts on instruments.calendar = calendar_starts.calendar
),

final as (
    select
        symbol,
        run_id,
        identity,
        asset_class,
        {{ health_status() }} as status,
        n_expected,
        n_present,
        n_gaps,
        n_quarantined,
        n_stale_sessions,
        window_start,
        genesis,
        first_session,
        last_session,
        is_benchmark,
        is_investable
    from measured
)

select * from final
order by symbol
