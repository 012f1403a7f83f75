-- gap_audit and data_health count the same gaps of each symbol.
with run as (
    select run_id from {{ ref('int_run') }}
),

audited as (
    select
        symbol,
        count(*) as n_gaps
    from {{ ref('gap_audit') }}
    where run_id in (select run.run_id from run)
    group by symbol
),

health as (
    select
        symbol,
        n_gaps
    from {{ ref('data_health') }}
    where run_id in (select run.run_id from run)
)

select
    coalesce(health.symbol, audited.symbol) as symbol,
    health.n_gaps as n_gaps_in_health,
    audited.n_gaps as n_gaps_in_audit
from health
full outer join audited on health.symbol = audited.symbol
where coalesce(health.n_gaps, -1) <> coalesce(audited.n_gaps, 0)
