with regimes as (
    select
        run_id,
        stage,
        session_date,
        regime,
        score
    from {{ source('results', 'regimes') }}
),

recent as (
    select
        *,
        dense_rank() over (partition by run_id order by stage = 'full' desc, stage asc) as stage_rank,
        row_number() over (partition by run_id, stage order by session_date desc) as age_sessions
    from regimes
),

final as (
    select
        run_id,
        session_date,
        stage,
        regime,
        score
    from recent
    where stage_rank = 1 and age_sessions <= 504
)

select * from final
