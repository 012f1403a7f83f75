with averages as (
    select * from {{ ref('rpt_correlation_averages') }}
),

final as (
    select
        run_id,
        window_sessions,
        count(*) as n_averages,
        min(session_date) as first_session,
        max(session_date) as last_session,
        arg_max(average_correlation, session_date) as last_correlation,
        avg(average_correlation order by session_date) as mean_correlation,
        min(average_correlation) as lowest_correlation,
        max(average_correlation) as highest_correlation
    from averages
    group by run_id, window_sessions
)

select * from final
