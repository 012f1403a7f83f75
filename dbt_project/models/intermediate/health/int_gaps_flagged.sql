{{ config(tags=['candidates', 'window']) }}

with expected as (
    select
        symbol,
        session_date
    from {{ ref('int_sessions_expected') }}
),

bars as (
    select
        symbol,
        session_date
    from {{ ref('int_bars_of_run') }}
),

"window" as (
    select window_start
    from {{ ref('int_health_window') }}
),

final as (
    select
        expected.symbol,
        expected.session_date,
        bars.symbol is null as is_gap
    from expected
    inner join "window" on expected.session_date >= "window".window_start
    left join bars
        on
            expected.symbol = bars.symbol
            and expected.session_date = bars.session_date
)

select * from final
