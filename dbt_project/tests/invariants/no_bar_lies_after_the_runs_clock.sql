-- No mart holds a bar of a session after the date of the run.
select
    bars.symbol,
    max(bars.session_date) as last_session
from {{ ref('bars_daily') }} as bars
cross join {{ ref('int_run') }} as run
where bars.session_date > run.as_of
group by bars.symbol
