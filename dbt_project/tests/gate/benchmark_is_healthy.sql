-- The listing that stands for the benchmark is judged like a selected instrument, although it is never held.
select
    health.symbol,
    health.status,
    health.n_gaps,
    health.n_quarantined,
    health.last_session
from {{ ref('data_health') }} as health
inner join {{ ref('int_benchmark') }} as benchmark on health.symbol = benchmark.symbol
where
    benchmark.is_representative
    and health.status not in ('OK', 'SHORT')
