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
        calibration,
        score,
        volatility_ratio,
        volatility_ratio_percentile,
        dwt_turbulence,
        dwt_turbulence_percentile,
        volatility_clustering,
        volatility_clustering_percentile,
        permutation_entropy,
        permutation_entropy_percentile,
        drawdown,
        drawdown_percentile,
        average_correlation,
        average_correlation_percentile
    from decision
)

select * from final
