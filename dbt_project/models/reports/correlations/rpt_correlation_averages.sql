with final as (
    select
        run_id,
        window_sessions,
        session_date,
        average_correlation
    from {{ source('results', 'correlation_averages') }}
    where average_correlation is not null
)

select * from final
