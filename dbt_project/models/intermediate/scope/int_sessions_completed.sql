{{ config(materialized='table_in_place', tags=['scope', 'columns', 'prices']) }}

with sessions as (
    select
        calendar,
        session_date,
        closes_at
    from {{ ref('stg_sessions') }}
),

run as (
    select
        as_of,
        as_of_at,
        settle_minutes
    from {{ ref('int_run') }}
),

final as (
    select
        sessions.calendar,
        sessions.session_date,
        sessions.closes_at
    from sessions
    inner join run
        on
            sessions.session_date <= run.as_of
            and sessions.closes_at + to_minutes(run.settle_minutes) <= run.as_of_at
)

select * from final
