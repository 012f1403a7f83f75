with health as (
    select * from {{ ref('rpt_health') }}
),

final as (
    select
        run_id,
        stage,
        status,
        any_value(status_rank) as status_rank,
        count(*) as n_instruments,
        count(*) filter (where is_judged) as n_judged,
        cast(coalesce(sum(n_gaps), 0) as bigint) as n_gaps,
        cast(coalesce(sum(n_quarantined), 0) as bigint) as n_quarantined,
        status in ('OK', 'SHORT') as is_passing
    from health
    group by run_id, stage, status
)

select * from final
