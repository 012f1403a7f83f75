{{ config(
    materialized='incremental',
    incremental_strategy='append',
    full_refresh=false,
    on_schema_change='fail',
    pre_hook='{{ delete_rows_of_run() }}',
    tags=['columns', 'enrichment', 'prices']
) }}

select
    run.run_id,
    instruments.* -- noqa: AM04
from {{ ref('int_instruments_described') }} as instruments
cross join {{ ref('int_run') }} as run
order by instruments.symbol
