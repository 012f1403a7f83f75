{{ config(tags=['candidates']) }}

with landed as (
    select * from {{ ref('stg_scans') }}
),

screened as (
    select * from {{ ref('int_scans_screened') }}
),

run as (
    select
        run_id,
        source
    from {{ ref('int_run') }}
),

-- A live service scans itself; the bars of the other sources are screened by the models.
scans as (
    select * from landed
    union all by name
    select
        run_id,
        scanner,
        symbol,
        session_date,
        source,
        strategy,
        case direction when 'LONG' then 1 else -1 end::bigint as direction,
        close,
        volume,
        value_traded_usd,
        adx,
        atr,
        volatility_d,
        perf_3m,
        perf_6m,
        scanned_at
    from screened
),

instruments as (
    select
        symbol,
        identity,
        asset_class,
        product,
        venue,
        sector,
        venue_priority,
        is_investable
    from {{ ref('int_instruments_described') }}
),

-- One row per session, symbol and side, however many scanners found it; all of them read the same bar.
final as (
    select
        scans.run_id,
        scans.session_date,
        scans.symbol,
        scans.direction,
        instruments.identity,
        instruments.asset_class,
        instruments.product,
        instruments.venue,
        instruments.sector,
        instruments.venue_priority,
        string_agg(scans.scanner, ',' order by scans.scanner) as scanners,
        arg_min(scans.strategy, scans.scanner) as strategy,
        arg_min(scans.close, scans.scanner) as close,
        arg_min(scans.volume, scans.scanner) as volume,
        arg_min(scans.value_traded_usd, scans.scanner) as value_traded_usd,
        arg_min(scans.adx, scans.scanner) as adx,
        arg_min(scans.atr, scans.scanner) as atr,
        arg_min(scans.volatility_d, scans.scanner) as volatility_d,
        arg_min(scans.perf_3m, scans.scanner) as perf_3m,
        arg_min(scans.perf_6m, scans.scanner) as perf_6m
    from scans
    inner join run
        on
            scans.run_id = run.run_id
            and scans.source = run.source
    inner join instruments
        on
            scans.symbol = instruments.symbol
            and instruments.is_investable
    group by all
)

select * from final
