{{ config(tags=['candidates', 'returns']) }}

with genesis as (
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

-- Where no session is known to have been returned, everything in the window is expected: the instrument is MISSING.
final as (
    select
        genesis.symbol,
        sessions.session_date
    from genesis
    inner join sessions
        on
            genesis.calendar = sessions.calendar
            and sessions.session_date >= coalesce(genesis.genesis, sessions.session_date)
)

select * from final
