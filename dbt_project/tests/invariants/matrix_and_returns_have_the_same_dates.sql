-- The window of returns_matrix is exactly the window's grid dates on which one of its symbols has a row.
select count(*) as n_matrix
from {{ ref('returns_matrix') }}
having count(*) > (select max(n_grid_sessions) from {{ ref('int_window') }})
