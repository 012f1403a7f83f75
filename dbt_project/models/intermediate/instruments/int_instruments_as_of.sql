{{ config(materialized='table_in_place', tags=['scope', 'columns', 'enrichment']) }}

with instruments as (
    select * from {{ ref('stg_instruments') }}
),

run as (
    select
        source,
        as_of_at
    from {{ ref('int_run') }}
),

venues as (
    select * from {{ ref('stg_venues') }}
),

-- The version known at the run's time; for a time before the first landing, the earliest version.
versions as (
    select instruments.*
    from instruments
    inner join run on instruments.source = run.source
    qualify row_number() over (
        partition by instruments.symbol
        order by
            instruments.valid_from_at <= run.as_of_at desc,
            case when instruments.valid_from_at <= run.as_of_at then instruments.valid_from_at end desc nulls last,
            instruments.valid_from_at asc
    ) = 1
),

final as (
    select
        versions.symbol,
        versions.source,
        versions.venue,
        versions.ticker,
        venues.calendar,
        coalesce(versions.country, venues.country) as country,
        versions.asset_class,
        versions.product,
        versions.name,
        versions.base,
        versions.quote,
        versions.root,
        versions.isin,
        coalesce(versions.currency, versions.quote, venues.venue_currency) as currency,
        versions.sector,
        versions.industry,
        versions.lot_size,
        versions.tick_size,
        venues.venue_priority,
        versions.is_close_only,
        versions.first_session_known,
        versions.valid_from_at
    from versions
    left join venues on versions.venue = venues.venue
)

select * from final
