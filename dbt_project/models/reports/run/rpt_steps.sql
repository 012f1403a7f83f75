with steps as (
    select *
    from {{ source('results', 'steps') }}
    qualify row_number() over (partition by run_id, step order by attempt desc) = 1
),

final as (
    select
        run_id,
        step,
        number,
        attempt,
        status,
        inputs_sha256,
        outputs_sha256,
        snapshot_read,
        snapshot_written,
        n_rows,
        seconds,
        started_at
    from steps
)

select * from final
