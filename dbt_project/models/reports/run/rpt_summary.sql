with runs as (
    select * from {{ source('scope', 'runs') }}
),

selection_counts as (
    select
        run_id,
        count(*) as n_candidates,
        count(*) filter (where is_selected) as n_selected
    from {{ source('results', 'selection') }}
    group by run_id
),

weight_counts as (
    select
        run_id,
        count(distinct risk_profile) as n_risk_profiles
    from {{ source('results', 'weights') }}
    group by run_id
),

check_counts as (
    select
        run_id,
        count(*) as n_checks,
        count(*) filter (where passed) as n_checks_passed
    from {{ source('results', 'audit_checks') }}
    group by run_id
),

final as (
    select
        runs.run_id,
        runs.profile,
        runs.source,
        runs.as_of,
        runs.benchmark,
        runs.excluded_symbols,
        runs.manifest_sha256,
        runs.light_sessions,
        runs.full_sessions,
        runs.min_history_sessions,
        selection_counts.n_candidates,
        selection_counts.n_selected,
        weight_counts.n_risk_profiles,
        check_counts.n_checks,
        check_counts.n_checks_passed,
        runs.strict_health,
        runs.is_simulated,
        runs.as_of_at,
        runs.started_at
    from runs
    left join selection_counts on runs.run_id = selection_counts.run_id
    left join weight_counts on runs.run_id = weight_counts.run_id
    left join check_counts on runs.run_id = check_counts.run_id
)

select * from final
