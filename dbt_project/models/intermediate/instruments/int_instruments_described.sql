{{ config(materialized='table_in_place', tags=['scope', 'columns', 'enrichment', 'prices']) }}

with instruments as (
    select * from {{ ref('int_instruments_as_of') }}
),

identities as (
    select * from {{ ref('int_identities_assigned') }}
),

first_sessions as (
    select * from {{ ref('int_first_sessions') }}
),

benchmark as (
    select symbol from {{ ref('int_benchmark_listings') }}
),

run as (
    select excluded_symbols from {{ ref('int_run') }}
),

recent as (
    select
        symbol,
        value_traded_usd,
        is_close_only
    from {{ ref('int_bars_of_run') }}
    qualify row_number() over (partition by symbol order by session_date desc) <= 20
),

liquidity as (
    select
        symbol,
        median(value_traded_usd) as value_traded_usd,
        bool_and(is_close_only) as is_close_only
    from recent
    group by symbol
),

final as (
    select
        instruments.symbol,
        identities.identity,
        instruments.venue,
        instruments.ticker,
        instruments.calendar,
        instruments.country,
        instruments.asset_class,
        instruments.product,
        instruments.name,
        identities.base,
        identities.quote,
        identities.root,
        case
            when instruments.asset_class in ('crypto', 'fx') then coalesce(identities.quote, instruments.currency)
            else instruments.currency
        end as currency,
        instruments.sector,
        instruments.industry,
        instruments.lot_size,
        instruments.tick_size,
        instruments.venue_priority,
        liquidity.value_traded_usd,
        coalesce(liquidity.is_close_only, instruments.is_close_only) as is_close_only,
        benchmark.symbol is not null as is_benchmark,
        benchmark.symbol is null
        and instruments.product <> 'index'
        and instruments.asset_class <> 'index'
        and not list_contains(run.excluded_symbols, instruments.symbol) as is_investable,
        first_sessions.genesis,
        first_sessions.first_session,
        first_sessions.last_session
    from instruments
    cross join run
    inner join identities on instruments.symbol = identities.symbol
    inner join first_sessions on instruments.symbol = first_sessions.symbol
    left join liquidity on instruments.symbol = liquidity.symbol
    left join benchmark on instruments.symbol = benchmark.symbol
)

select * from final
