{{ config(tags=['prices']) }}

with quarantine as (
    select
        source,
        symbol,
        bar_interval,
        session_date
    from {{ ref('stg_quarantine') }}
),

run as (
    select
        source,
        as_of
    from {{ ref('int_run') }}
),

-- A refused row without a date cannot be shown to lie outside any window, so it counts at the run's session.
final as (
    select
        quarantine.symbol,
        coalesce(quarantine.session_date, run.as_of) as session_date,
        count(*) as n_quarantined
    from quarantine
    inner join run on quarantine.source = run.source
    where
        quarantine.bar_interval = '1d'
        and coalesce(quarantine.session_date, run.as_of) <= run.as_of
    group by
        quarantine.symbol,
        coalesce(quarantine.session_date, run.as_of)
)

select * from final
