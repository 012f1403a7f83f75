-- The listing that represents the benchmark must be healthy like a selected instrument, although it is never held.
select
    health.symbol,
    health.status,
    health.n_gaps,
    health.n_quarantined,
    health.last_session
from {{ ref('data_health') }} as health
inner join {{ ref('int_benchmark_listings') }} as benchmark on health.symbol = benchmark.symbol
where
    health.run_id = (select run.run_id from {{ ref('int_run') }} as run)
    and benchmark.is_representative
    and health.status not in ('OK', 'SHORT')
