{{ config(materialized='table_in_place', tags=['scope', 'columns', 'prices']) }}

with instruments as (
    select
        symbol,
        calendar,
        first_session_known
    from {{ ref('int_instruments_as_of') }}
),

run as (
    select
        source,
        as_of
    from {{ ref('int_run') }}
),

histories as (
    select
        symbol,
        min(session_date) as first_session,
        max(session_date) as last_session,
        count(*) as n_bars
    from {{ ref('int_bars_of_run') }}
    group by symbol
),

-- A refused bar was returned by the source, so it counts for genesis when its date is a session.
refused as (
    select
        quarantine.symbol,
        min(quarantine.session_date) as first_refused
    from {{ ref('stg_quarantine') }} as quarantine
    inner join run on quarantine.source = run.source
    inner join instruments on quarantine.symbol = instruments.symbol
    inner join {{ ref('int_sessions_completed') }} as sessions
        on
            instruments.calendar = sessions.calendar
            and quarantine.session_date = sessions.session_date
    where
        quarantine.bar_interval = '1d'
        and quarantine.reason <> 'bad_symbol'
    group by quarantine.symbol
),

final as (
    select
        instruments.symbol,
        instruments.calendar,
        least(instruments.first_session_known, histories.first_session, refused.first_refused) as genesis,
        histories.first_session,
        histories.last_session,
        coalesce(histories.n_bars, 0) as n_bars
    from instruments
    left join histories on instruments.symbol = histories.symbol
    left join refused on instruments.symbol = refused.symbol
)

select * from final
