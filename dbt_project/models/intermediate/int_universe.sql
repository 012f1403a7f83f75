{{ config(tags=['prices']) }}

with run as (
    select run_id from {{ ref('int_run') }}
),

candidates as (
    select candidates.symbol
    from {{ ref('candidates') }} as candidates
    inner join run on candidates.run_id = run.run_id
),

instruments as (
    select
        symbol,
        asset_class,
        calendar,
        is_investable,
        first_session
    from {{ ref('instruments') }}
    where first_session is not null
),

-- The run's candidates; before there are any, everything that could become one.
final as (
    select
        instruments.symbol,
        instruments.asset_class,
        instruments.calendar,
        instruments.first_session
    from instruments
    left join candidates on instruments.symbol = candidates.symbol
    where
        candidates.symbol is not null
        or (instruments.is_investable and not exists (select 1 from candidates))
)

select * from final
