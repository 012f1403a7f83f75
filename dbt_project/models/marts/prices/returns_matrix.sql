{{ config(tags=['prices', 'window'], contract={'enforced': false}) }}

with run as (
    select run_id from {{ ref('int_run') }}
),

selected as (
    select selection.symbol
    from {{ ref('stg_selection') }} as selection
    inner join run on selection.run_id = run.run_id
    where selection.is_selected
),

universe as (
    select symbol from {{ ref('int_universe') }}
),

columns as (
    select symbol from selected
    union
    select symbol from universe
    where not exists (select 1 from selected)
),

returns as (
    select
        returns_daily.session_date,
        returns_daily.symbol,
        returns_daily."return"
    from {{ ref('returns_daily') }} as returns_daily
    inner join columns on returns_daily.symbol = columns.symbol
    inner join {{ ref('int_health_window') }} as scope on returns_daily.session_date >= scope.window_start
)

select *
from (
    pivot returns
    on symbol
    using first("return")
    group by session_date
)
order by session_date
