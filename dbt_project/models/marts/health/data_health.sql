{{ config(
    materialized='incremental',
    incremental_strategy='append',
    full_refresh=false,
    on_schema_change='fail',
    pre_hook='{{ delete_rows_of_run() }}',
    tags=['prices', 'window']
) }}

with scope as (
    select
        run.*,
        "window".window_start
    from {{ ref('int_run') }} as run
    cross join {{ ref('int_health_window') }} as "window"
),

-- Sessions after the last bar of the window are stale; without a bar, all are.
sessions as (
    select
        symbol,
        session_date,
        is_gap,
        max(session_date) filter (where not is_gap) over (partition by symbol) as last_session
    from {{ ref('int_gaps_flagged') }}
),

counts as (
    select
        symbol,
        count(*) as n_expected,
        count(*) filter (where not is_gap) as n_present,
        count(*) filter (where is_gap) as n_gaps,
        min(session_date) filter (where not is_gap) as first_session,
        max(last_session) as last_session,
        count(*) filter (where last_session is null or session_date > last_session) as n_stale_sessions
    from sessions
    group by symbol
),

-- A refused row without a date may be inside the window, so it counts.
refused as (
    select
        quarantine.symbol,
        count(*) as n_quarantined
    from {{ ref('stg_quarantine') }} as quarantine
    inner join scope on quarantine.source = scope.source
    where
        quarantine.bar_interval = '1d'
        and coalesce(quarantine.session_date, scope.as_of) between scope.window_start and scope.as_of
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
        scope.run_id,
        scope.max_stale_sessions,
        scope.window_start,
        calendar_starts.first_window_session,
        coalesce(counts.n_expected, 0) as n_expected,
        coalesce(counts.n_present, 0) as n_present,
        coalesce(counts.n_gaps, 0) as n_gaps,
        coalesce(refused.n_quarantined, 0) as n_quarantined,
        coalesce(counts.n_stale_sessions, 0) as n_stale_sessions,
        counts.first_session as first_in_window,
        counts.last_session as last_in_window
    from {{ ref('int_instruments_described') }} as instruments
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
        first_in_window as first_session,
        last_in_window as last_session,
        is_benchmark,
        is_investable
    from measured
)

select * from final
order by symbol
