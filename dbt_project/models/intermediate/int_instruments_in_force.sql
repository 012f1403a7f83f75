{{ config(materialized='table', tags=['columns', 'enrichment']) }}

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

-- The version known at the run's clock; for a clock before the first landing, the earliest one that was ever known.
in_force as (
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
        in_force.symbol,
        in_force.source,
        in_force.venue,
        in_force.ticker,
        venues.calendar,
        coalesce(in_force.country, venues.country) as country,
        in_force.asset_class,
        in_force.product,
        in_force.name,
        in_force.base,
        in_force.quote,
        in_force.root,
        in_force.isin,
        coalesce(in_force.currency, in_force.quote, venues.venue_currency) as currency,
        in_force.sector,
        in_force.industry,
        in_force.lot_size,
        in_force.tick_size,
        venues.venue_priority,
        in_force.is_close_only,
        in_force.first_session_known
    from in_force
    left join venues on in_force.venue = venues.venue
)

select * from final
