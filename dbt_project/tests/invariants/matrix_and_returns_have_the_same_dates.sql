-- The dates of the matrix are the grid dates of the window.
with matrix as (
    select session_date
    from {{ ref('returns_matrix') }}
),

grid as (
    select grid.session_date
    from {{ ref('int_session_grid') }} as grid
    inner join {{ ref('int_health_window') }} as scope on grid.session_date >= scope.window_start
),

universe as (
    select symbol
    from {{ ref('int_universe') }}
)

select
    coalesce(grid.session_date, matrix.session_date) as session_date,
    grid.session_date is not null as is_in_grid,
    matrix.session_date is not null as is_in_matrix
from grid
full outer join matrix on grid.session_date = matrix.session_date
where
    grid.session_date is null
    or (matrix.session_date is null and exists (select 1 from universe))
