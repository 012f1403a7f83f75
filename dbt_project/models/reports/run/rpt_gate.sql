with final as (
    select
        run_id,
        "check",
        risk_profile,
        value,
        "limit",
        detail,
        passed
    from {{ source('results', 'audit_checks') }}
)

select * from final
