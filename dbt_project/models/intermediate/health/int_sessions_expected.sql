{{ config(tags=['candidates', 'returns']) }}

with first_sessions as (
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

-- For an instrument without a first session all sessions of the window are expected: it is MISSING.
final as (
    select
        first_sessions.symbol,
        sessions.session_date
    from first_sessions
    inner join sessions
        on
            first_sessions.calendar = sessions.calendar
            and sessions.session_date >= coalesce(first_sessions.genesis, sessions.session_date)
)

select * from final
