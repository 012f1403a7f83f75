with gap_audit as (
    select
        run_id,
        symbol,
        session_date
    from {{ ref('gap_audit') }}
),

final as (
    select
        run_id,
        symbol,
        count(*) as n_gaps,
        min(session_date) as first_gap,
        max(session_date) as last_gap,
        array_to_string(
            list_slice(list(strftime(session_date, '%Y-%m-%d') order by session_date), 1, 10), ', '
        ) as first_ten_gaps
    from gap_audit
    group by run_id, symbol
)

select * from final
