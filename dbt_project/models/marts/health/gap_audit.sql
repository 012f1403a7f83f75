{{ config(
    materialized='incremental',
    incremental_strategy='append',
    full_refresh=false,
    on_schema_change='fail',
    pre_hook='{{ delete_rows_of_run() }}',
    tags=['prices', 'window']
) }}

with gaps as (
    select
        symbol,
        session_date
    from {{ ref('int_gaps_flagged') }}
    where is_gap
),

run as (
    select
        run_id,
        source
    from {{ ref('int_run') }}
),

refused as (
    select
        quarantine.symbol,
        quarantine.session_date,
        string_agg(distinct quarantine.reason, ',' order by quarantine.reason) as reason
    from {{ ref('stg_quarantine') }} as quarantine
    inner join run on quarantine.source = run.source
    where quarantine.bar_interval = '1d'
    group by
        quarantine.symbol,
        quarantine.session_date
),

final as (
    select
        gaps.symbol,
        gaps.session_date,
        run.run_id,
        refused.reason as quarantine_reason,
        refused.symbol is not null as is_quarantined
    from gaps
    cross join run
    left join refused
        on
            gaps.symbol = refused.symbol
            and gaps.session_date = refused.session_date
)

select * from final
order by
    symbol,
    session_date
