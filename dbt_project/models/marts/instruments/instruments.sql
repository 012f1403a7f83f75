{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook='{{ delete_rows_of_run() }}',
    tags=['columns', 'enrichment', 'prices']
) }}

select -- noqa: AM04
    run.run_id,
    instruments.*
from {{ ref('int_instruments_described') }} as instruments
cross join {{ ref('int_run') }} as run
order by instruments.symbol
