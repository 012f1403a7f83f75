{{ config(materialized='table_in_place', tags=['scope', 'candidates', 'prices', 'returns']) }}

with universe as (
    select * from {{ ref('int_universe') }}
),

sessions as (
    select
        calendar,
        session_date
    from {{ ref('int_sessions_completed') }}
),

-- Crypto adds no grid dates unless the universe holds nothing else.
is_crypto_only as (
    select coalesce(bool_and(asset_class = 'crypto'), false) as is_crypto_only
    from universe
),

calendars as (
    select universe.calendar
    from universe
    cross join is_crypto_only
    where
        universe.asset_class <> 'crypto'
        or is_crypto_only.is_crypto_only
    group by universe.calendar
),

-- The grid starts at the first session of the earliest instrument.
earliest as (
    select min(first_session) as first_session
    from universe
),

dates as (
    select sessions.session_date
    from sessions
    inner join calendars on sessions.calendar = calendars.calendar
    cross join earliest
    where sessions.session_date >= earliest.first_session
    group by sessions.session_date
),

final as (
    select
        dates.session_date,
        row_number() over (order by dates.session_date) as grid_number,
        lag(dates.session_date) over (order by dates.session_date) as previous_session_date,
        case when is_crypto_only.is_crypto_only then 365 else 252 end as sessions_per_year
    from dates
    cross join is_crypto_only
)

select * from final
