{{ config(materialized='view_in_place', tags=['columns', 'prices']) }}

with sessions as (
    select
        calendar,
        session_date,
        lag(session_date) over (partition by calendar order by session_date) as previous_session_date
    from {{ ref('stg_sessions') }}
),

bars as (
    select
        source,
        symbol,
        session_date,
        price,
        lag(price) over (partition by source, symbol order by session_date) as previous_price,
        lag(session_date) over (partition by source, symbol order by session_date) as previous_bar_date
    from {{ ref('bars_daily') }}
),

-- After a gap the return is NULL: it would span more than one session.
final as (
    select
        bars.source,
        bars.symbol,
        bars.session_date,
        bars.price,
        case
            when bars.previous_bar_date = sessions.previous_session_date
                then bars.price / bars.previous_price - 1.0
        end as "return",
        bars.previous_bar_date < sessions.previous_session_date as is_after_gap
    from bars
    inner join {{ ref('int_listings') }} as listings
        on
            bars.source = listings.source
            and bars.symbol = listings.symbol
    inner join sessions
        on
            listings.calendar = sessions.calendar
            and bars.session_date = sessions.session_date
)

select * from final
