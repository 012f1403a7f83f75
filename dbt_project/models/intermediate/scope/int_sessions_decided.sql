{{ config(tags=['columns', 'candidates', 'replay']) }}

with decided as (
    select * from {{ ref('stg_decision_sessions') }}
),

run as (
    select
        run_id,
        settle_minutes
    from {{ ref('int_run') }}
),

sessions as (
    select
        calendar,
        session_date,
        closes_at
    from {{ ref('stg_sessions') }}
),

final as (
    select
        decided.purpose,
        decided.session_date,
        sessions.calendar,
        max(sessions.session_date) as last_session
    from decided
    inner join run on decided.run_id = run.run_id
    inner join sessions
        on
            decided.session_date >= sessions.session_date
            and sessions.closes_at + to_minutes(run.settle_minutes) <= decided.decided_at
    group by
        decided.purpose,
        decided.session_date,
        sessions.calendar
)

select * from final
