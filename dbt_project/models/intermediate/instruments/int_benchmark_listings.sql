{{ config(tags=['scope', 'columns']) }}

with run as (
    select benchmark from {{ ref('int_run') }}
    where benchmark is not null
),

venues as (
    select
        venue,
        country
    from {{ ref('stg_venues') }}
),

identities as (
    select
        symbol,
        identity,
        listing
    from {{ ref('int_identities_assigned') }}
),

instruments as (
    select
        symbol,
        venue_priority,
        product
    from {{ ref('int_instruments_as_of') }}
),

-- AMEX:SPY is also found at other venues of its country; all its listings are the benchmark.
named as (
    select
        run.benchmark,
        coalesce(venues.country, 'ZZ')
        || ':'
        || {{ plain_ticker("regexp_extract(run.benchmark, '^[^:]+:(.+)$', 1)") }} as listing
    from run
    left join venues on regexp_extract(run.benchmark, '^([^:]+):', 1) = venues.venue
),

matched as (
    select
        identities.identity,
        min(named.benchmark) as benchmark,
        max((identities.symbol = named.benchmark)::int) as is_exact
    from identities
    inner join named
        on
            identities.symbol = named.benchmark
            or identities.listing = named.listing
    group by identities.identity
    qualify row_number() over (order by is_exact desc, identities.identity asc) = 1
),

final as (
    select
        identities.symbol,
        matched.identity,
        row_number() over (
            order by identities.symbol = matched.benchmark desc, instruments.venue_priority asc, identities.symbol asc
        ) = 1 as is_representative
    from matched
    inner join identities on matched.identity = identities.identity
    inner join instruments on identities.symbol = instruments.symbol
)

select * from final
