{{ config(tags=['scope', 'candidates', 'returns']) }}

with run as (
    select run_id from {{ ref('int_run') }}
),

candidates as (
    select found.symbol
    from {{ ref('candidates') }} as found
    inner join run on found.run_id = run.run_id
),

counted as (
    select count(*) as n_candidates
    from candidates
),

instruments as (
    select
        symbol,
        asset_class,
        calendar,
        is_investable,
        first_session
    from {{ ref('int_instruments_described') }}
    where first_session is not null
),

-- Candidates of the run; all investable instruments when there are none yet.
final as (
    select
        instruments.symbol,
        instruments.asset_class,
        instruments.calendar,
        instruments.first_session
    from instruments
    cross join counted
    left join candidates on instruments.symbol = candidates.symbol
    where
        candidates.symbol is not null
        or (instruments.is_investable and counted.n_candidates = 0)
)

select * from final
