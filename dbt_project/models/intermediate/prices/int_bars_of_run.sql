{{ config(tags=['columns', 'prices', 'replay']) }}

select bars.* -- noqa: AM04
from {{ ref('bars_daily') }} as bars
inner join {{ ref('int_run') }} as run
    on
        bars.source = run.source
        and bars.session_date <= run.as_of
