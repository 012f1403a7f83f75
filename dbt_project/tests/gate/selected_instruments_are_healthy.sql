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
)

select
    selected.symbol,
    coalesce(health.status, 'NOT CHECKED') as status,
    health.n_gaps,
    health.n_quarantined,
    health.last_session
from selected
left join health on selected.symbol = health.symbol
where coalesce(health.status, 'NOT CHECKED') not in ('OK', 'SHORT')
