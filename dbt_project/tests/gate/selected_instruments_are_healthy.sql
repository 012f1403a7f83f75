-- MISSING, INVALID, STALE and GAPS fail, and so does a selected symbol without a status.
with run as (
    select run_id from {{ ref('int_run') }}
),

selected as (
    select winners.symbol
    from {{ ref('stg_winners') }} as winners
    inner join run on winners.run_id = run.run_id
),

health as (
    select
        symbol,
        status,
        n_gaps,
        n_quarantined,
        last_session
    from {{ ref('data_health') }}
    where run_id in (select run.run_id from run)
),

gaps as (
    select
        symbol,
        string_agg(session_date::varchar, ' ' order by session_date) as gap_sessions
    from {{ ref('gap_audit') }}
    where run_id in (select run.run_id from run)
    group by symbol
)

select
    selected.symbol,
    coalesce(health.status, 'NOT CHECKED') as status,
    health.n_gaps,
    health.n_quarantined,
    gaps.gap_sessions,
    health.last_session
from selected
left join health on selected.symbol = health.symbol
left join gaps on selected.symbol = gaps.symbol
where coalesce(health.status, 'NOT CHECKED') not in ('OK', 'SHORT')
