with runs as (
    select
        run_id,
        source,
        as_of
    from {{ source('results', 'runs') }}
),

quarantine as (
    select
        source,
        symbol,
        reason,
        session_date
    from {{ source('raw', 'quarantine') }}
),

final as (
    select
        runs.run_id,
        quarantine.symbol,
        quarantine.reason,
        count(*) as n_bars,
        min(quarantine.session_date) as first_session,
        max(quarantine.session_date) as last_session
    from quarantine
    inner join runs
        on
            quarantine.source = runs.source
            and (quarantine.session_date <= runs.as_of or quarantine.session_date is null)
    group by runs.run_id, quarantine.symbol, quarantine.reason
)

select * from final
