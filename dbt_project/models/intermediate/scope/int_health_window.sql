{{ config(materialized='table_in_place', tags=['scope', 'candidates', 'prices', 'window']) }}

with run as (
    select
        run_id,
        as_of,
        window_sessions
    from {{ ref('int_run') }}
),

grid as (
    select
        session_date,
        grid_number
    from {{ ref('int_session_grid') }}
),

last_number as (
    select max(grid_number) as grid_number
    from grid
),

final as (
    select
        run.run_id,
        run.window_sessions,
        min(grid.session_date) as window_start,
        max(grid.session_date) as window_end,
        count(grid.session_date) as n_grid_sessions,
        run.as_of
    from run
    cross join last_number
    left join grid on grid.grid_number > last_number.grid_number - run.window_sessions
    group by
        run.run_id,
        run.window_sessions,
        run.as_of
)

select * from final
