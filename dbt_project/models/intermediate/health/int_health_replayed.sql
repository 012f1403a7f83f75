{{ config(tags=['replay']) }}

with gaps as (
    select * from {{ ref('int_gaps_replayed') }}
),

run as (
    select
        source,
        max_stale_sessions
    from {{ ref('int_run') }}
),

counts as (
    select
        decided_on,
        symbol,
        window_start,
        genesis,
        min(session_date) as first_window_session,
        count(*) filter (where not is_gap) as n_present,
        count(*) filter (where is_gap and coalesce(session_date >= genesis, true)) as n_gaps,
        count(*) filter (where session_date > last_session) as n_stale_sessions
    from gaps
    group by
        decided_on,
        symbol,
        window_start,
        genesis
),

refused as (
    select
        counts.decided_on,
        counts.symbol,
        count(*) as n_quarantined
    from counts
    cross join run
    inner join {{ ref('stg_quarantine') }} as quarantine
        on
            counts.symbol = quarantine.symbol
            and run.source = quarantine.source
            and coalesce(quarantine.session_date, counts.decided_on) between counts.window_start and counts.decided_on
    where quarantine.bar_interval = '1d'
    group by
        counts.decided_on,
        counts.symbol
),

measured as (
    select
        counts.*,
        run.max_stale_sessions,
        coalesce(refused.n_quarantined, 0) as n_quarantined
    from counts
    cross join run
    left join refused
        on
            counts.decided_on = refused.decided_on
            and counts.symbol = refused.symbol
),

final as (
    select
        decided_on as session_date,
        symbol,
        {{ health_status() }} as health_status,
        n_present,
        n_gaps,
        n_quarantined,
        n_stale_sessions
    from measured
)

select * from final
