{{ config(tags=['columns', 'candidates', 'replay']) }}

with run as (
    select source from {{ ref('int_run') }}
),

decided as (
    select * from {{ ref('int_sessions_decided') }}
),

instruments as (
    select
        symbol,
        calendar,
        asset_class,
        product,
        venue,
        ticker,
        sector,
        industry,
        currency
    from {{ ref('int_instruments_described') }}
),

indicators as (
    select
        'discovery' as purpose,
        scanner_columns.*
    from {{ ref('scanner_columns') }} as scanner_columns
    inner join run on scanner_columns.source = run.source
    union all by name
    select
        'replay' as purpose,
        *
    from {{ ref('int_scanner_columns_replayed') }}
),

-- An instrument without a bar on the last completed session of its calendar is stale and not judged.
final as (
    select
        decided.session_date,
        instruments.symbol,
        instruments.asset_class,
        instruments.product,
        instruments.venue,
        instruments.ticker,
        instruments.sector,
        instruments.industry,
        instruments.currency,
        indicators.* exclude (purpose, source, symbol, session_date) -- noqa: RF02
    from decided
    inner join instruments on decided.calendar = instruments.calendar
    inner join indicators
        on
            decided.purpose = indicators.purpose
            and decided.last_session = indicators.session_date
            and instruments.symbol = indicators.symbol
)

select * from final -- noqa: AM04
