with final as (
    select
        run_id,
        stream,
        n_pairs,
        mean,
        median,
        minimum,
        maximum,
        share_above_half,
        effective_number
    from {{ source('results', 'correlation_summary') }}
)

select * from final
