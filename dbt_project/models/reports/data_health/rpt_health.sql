with health as (
    select * from {{ source('results', 'health') }}
),

instruments as (
    select
        run_id,
        symbol,
        name,
        asset_class
    from {{ ref('instruments') }}
),

final as (
    select
        health.run_id,
        health.stage,
        health.symbol,
        instruments.name,
        instruments.asset_class,
        health.status,
        list_position(
            ['MISSING', 'INVALID', 'STALE', 'GAPS', 'SHORT', 'OK'], health.status
        )::bigint as status_rank,
        health.n_expected,
        health.n_present,
        health.n_gaps,
        health.n_quarantined,
        health.n_stale_sessions,
        health.first_session,
        health.last_session,
        health.is_judged
    from health
    left join instruments
        on health.run_id = instruments.run_id and health.symbol = instruments.symbol
)

select * from final
