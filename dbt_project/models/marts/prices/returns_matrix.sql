{{ config(tags=['prices', 'window'], contract={'enforced': false}) }}

with run as (
    select run_id from {{ ref('int_run') }}
),

selected as (
    select winners.symbol
    from {{ ref('stg_winners') }} as winners
    inner join run on winners.run_id = run.run_id
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
        scope.run_id,
        grid_returns.session_date,
        grid_returns.symbol,
        grid_returns."return"
    from {{ ref('int_returns_on_grid') }} as grid_returns
    inner join columns on grid_returns.symbol = columns.symbol
    inner join {{ ref('int_health_window') }} as scope on grid_returns.session_date >= scope.window_start
)

select *
from (
    pivot returns
    on symbol
    using first("return")
    group by run_id, session_date
)
order by session_date
