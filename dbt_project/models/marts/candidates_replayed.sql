{{ config(tags=['replay']) }}

with merged as (
    select
        run_id,
        session_date,
        symbol,
        identity,
        asset_class,
        sector,
        direction,
        discovery_score,
        close,
        atr,
        value_traded_usd
    from {{ ref('int_candidates_merged') }}
),

run as (
    select light_sessions
    from {{ ref('int_run') }}
),

grid as (
    select
        session_date,
        grid_number
    from {{ ref('int_grid') }}
),

-- The light window that a decision on this session could look back upon.
windows as (
    select
        last_sessions.session_date,
        min(grid.session_date) as window_start
    from grid as last_sessions
    cross join run
    inner join grid
        on
            grid.grid_number <= last_sessions.grid_number
            and grid.grid_number > last_sessions.grid_number - run.light_sessions
    group by last_sessions.session_date
),

problems as (
    select
        symbol,
        session_date,
        'GAPS' as status
    from {{ ref('gap_audit') }}
    union all
    select
        symbol,
        session_date,
        'INVALID' as status
    from {{ ref('int_quarantine_in_scope') }}
),

-- Of the two, INVALID is the worse (quant.md 1.6).
ill as (
    select
        merged.symbol,
        merged.session_date,
        max(problems.status) as status
    from merged
    inner join windows on merged.session_date = windows.session_date
    inner join problems
        on
            merged.symbol = problems.symbol
            and problems.session_date between windows.window_start and merged.session_date
    group by
        merged.symbol,
        merged.session_date
),

final as (
    select
        merged.*,
        coalesce(ill.status, 'OK') as health_status
    from merged
    left join ill
        on
            merged.symbol = ill.symbol
            and merged.session_date = ill.session_date
)

select * from final
order by
    session_date,
    symbol
