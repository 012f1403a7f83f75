with health as (
    select
        run_id,
        stage,
        symbol,
        asset_class,
        status,
        status_rank,
        n_gaps,
        n_quarantined,
        n_stale_sessions,
        last_session,
        is_judged
    from {{ ref('rpt_health') }}
),

runs as (
    select
        run_id,
        source,
        as_of,
        started_at
    from {{ source('scope', 'runs') }}
),

-- Runs of other sources have other bars, so they are not compared. Only earlier runs are compared, so that later runs
-- do not change the rows of a run.
compared as (
    select
        health.*,
        runs.source,
        runs.as_of,
        runs.started_at,
        lag(health.run_id) over earlier as previous_run_id,
        lag(health.status) over earlier as previous_status,
        lag(health.status_rank) over earlier as previous_rank
    from health
    inner join runs on health.run_id = runs.run_id
    window earlier as (
        partition by runs.source, health.stage, health.symbol
        order by runs.started_at asc, health.run_id asc
    )
),

spells as (
    select
        *,
        count(*) filter (where status is distinct from previous_status) over (
            partition by source, stage, symbol
            order by started_at asc, run_id asc
        ) as spell
    from compared
),

final as (
    select
        run_id,
        stage,
        symbol,
        source,
        asset_class,
        status,
        previous_run_id,
        previous_status,
        case
            when previous_status is null then 'first'
            when status = previous_status then 'same'
            when status_rank > previous_rank then 'better'
            else 'worse'
        end as movement,
        status_rank,
        row_number() over (
            partition by source, stage, symbol, spell
            order by started_at asc, run_id asc
        ) as n_runs_in_status,
        n_gaps,
        n_quarantined,
        n_stale_sessions,
        as_of,
        last_session,
        is_judged,
        started_at
    from spells
)

select * from final
