{{ config(
    materialized='incremental',
    incremental_strategy='append',
    full_refresh=false,
    on_schema_change='fail',
    pre_hook='{{ delete_rows_of_run() }}',
    tags=['prices', 'window']
) }}

-- A refused row without a date counts at any date.
select
    run.run_id,
    quarantine.symbol,
    quarantine.reason,
    count(*) as n_bars,
    min(quarantine.session_date) as first_session,
    max(quarantine.session_date) as last_session
from {{ ref('stg_quarantine') }} as quarantine
inner join {{ ref('int_run') }} as run
    on
        quarantine.source = run.source
        and coalesce(quarantine.session_date <= run.as_of, true)
group by
    run.run_id,
    quarantine.symbol,
    quarantine.reason
