with health as (
    select
        run_id,
        stage,
        symbol,
        coalesce(asset_class, 'unknown') as asset_class,
        split_part(symbol, ':', 1) as venue,
        status,
        status_rank,
        n_expected,
        n_present,
        n_gaps
    from {{ ref('rpt_health') }}
),

-- The three worst instruments, ordered by status and number of gaps.
faulty as (
    select *
    from health
    where status not in ('OK', 'SHORT')
    qualify row_number() over (
        partition by run_id, stage, asset_class, venue
        order by status_rank asc, n_gaps desc, symbol asc
    ) <= 3
),

worst as (
    select
        run_id,
        stage,
        asset_class,
        venue,
        string_agg(
            symbol || ' ' || status || ' ' || n_gaps, ', ' order by status_rank asc, n_gaps desc, symbol asc
        ) as worst
    from faulty
    group by run_id, stage, asset_class, venue
),

counted as (
    select
        run_id,
        stage,
        asset_class,
        venue,
        count(*) as n_instruments,
        count(*) filter (where status = 'MISSING') as n_missing,
        count(*) filter (where status = 'INVALID') as n_invalid,
        count(*) filter (where status = 'STALE') as n_stale,
        count(*) filter (where status = 'GAPS') as n_with_gaps,
        count(*) filter (where status = 'SHORT') as n_short,
        count(*) filter (where status = 'OK') as n_ok,
        cast(coalesce(sum(n_expected), 0) as bigint) as n_expected,
        cast(coalesce(sum(n_present), 0) as bigint) as n_present,
        cast(coalesce(sum(n_gaps), 0) as bigint) as n_gaps,
        coalesce(max(n_gaps), 0) as n_gaps_worst
    from health
    group by run_id, stage, asset_class, venue
),

final as (
    select
        counted.run_id,
        counted.stage,
        counted.asset_class,
        counted.venue,
        worst.worst,
        counted.n_instruments,
        counted.n_missing,
        counted.n_invalid,
        counted.n_stale,
        counted.n_with_gaps,
        counted.n_short,
        counted.n_ok,
        counted.n_expected,
        counted.n_present,
        counted.n_gaps,
        counted.n_gaps_worst,
        counted.n_ok / counted.n_instruments as ok_share,
        counted.n_present / nullif(counted.n_expected, 0) as present_share
    from counted
    left join worst
        on
            counted.run_id = worst.run_id
            and counted.stage = worst.stage
            and counted.asset_class = worst.asset_class
            and counted.venue = worst.venue
)

select * from final
