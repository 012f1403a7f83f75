with regimes as (
    select * from {{ source('results', 'regimes') }}
),

decision as (
    select *
    from regimes
    qualify row_number() over (partition by run_id order by stage = 'full' desc, stage asc, session_date desc) = 1
),

final as (
    select
        run_id,
        stage,
        session_date,
        regime,
        deciding_component,
        score,
        volatility_level,
        volatility_ratio,
        drawdown,
        spectral_level,
        permutation_entropy,
        volatility_clustering,
        average_correlation,
        long_run_volatility,
        prior_share
    from decision
)

select * from final
