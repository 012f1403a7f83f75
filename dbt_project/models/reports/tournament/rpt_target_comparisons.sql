with final as (
    select
        run_id,
        engine,
        simulator,
        risk_profile,
        figure,
        lower_risk_profile,
        upper_risk_profile,
        lower_value,
        upper_value,
        p_value,
        p_opposite,
        lower_value < upper_value as is_kept
    from {{ source('results', 'target_comparisons') }}
)

select * from final
