with drift as (
    select * from {{ source('results', 'cluster_drift') }}
),

labels as (
    select
        run_id,
        cluster_id,
        any_value(label) as cluster_label
    from {{ source('results', 'clusters') }}
    where stage = 'full'
    group by run_id, cluster_id
),

final as (
    select
        drift.run_id,
        drift.cluster_id,
        case when drift.cluster_id = 0 then 'all clusters' else labels.cluster_label end as cluster_label,
        drift.n_members,
        drift.half_sessions,
        drift.drift,
        drift.adjusted_rand,
        drift.is_alert,
        drift.message
    from drift
    left join labels on drift.run_id = labels.run_id and drift.cluster_id = labels.cluster_id
)

select * from final
