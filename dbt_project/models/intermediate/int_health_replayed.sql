{{ config(tags=['replay']) }}

with found as (
    select
        session_date as decided_on,
        symbol
    from {{ ref('int_candidates_merged') }}
),

run as (
    select
        source,
        light_sessions,
        max_stale_sessions
    from {{ ref('int_run') }}
),

grid as (
    select session_date
    from {{ ref('int_grid') }}
),

genesis as (
    select
        symbol,
        calendar,
        genesis
    from {{ ref('int_genesis') }}
),

sessions as (
    select
        calendar,
        session_date
    from {{ ref('int_sessions_completed') }}
),

bars as (
    select
        symbol,
        session_date
    from {{ ref('bars_daily') }}
),

quarantine as (
    select
        stg_quarantine.symbol,
        stg_quarantine.session_date
    from {{ ref('stg_quarantine') }} as stg_quarantine
    inner join run on stg_quarantine.source = run.source
    where stg_quarantine.bar_interval = '1d'
),

decisions as (
    select decided_on
    from found
    group by decided_on
),

-- The light window as it stood at the decision.
windows as (
    select
        decisions.decided_on,
        grid.session_date as window_start
    from decisions
    cross join run
    inner join grid on decisions.decided_on >= grid.session_date
    qualify row_number() over (partition by decisions.decided_on order by grid.session_date desc) <= run.light_sessions
),

spans as (
    select
        decided_on,
        min(window_start) as window_start
    from windows
    group by decided_on
),

expected as (
    select
        found.decided_on,
        found.symbol,
        sessions.session_date,
        bars.symbol is null as is_gap,
        genesis.genesis,
        coalesce(sessions.session_date < genesis.genesis, false) as is_before_genesis
    from found
    inner join spans on found.decided_on = spans.decided_on
    inner join genesis on found.symbol = genesis.symbol
    inner join sessions
        on
            genesis.calendar = sessions.calendar
            and sessions.session_date between spans.window_start and found.decided_on
    left join bars
        on
            found.symbol = bars.symbol
            and sessions.session_date = bars.session_date
),

counts as (
    select
        decided_on,
        symbol,
        max(genesis) as genesis,
        min(session_date) as first_window_session,
        max(session_date) filter (where not is_gap) as last_session,
        count(*) filter (where not is_gap) as n_present,
        count(*) filter (where is_gap and not is_before_genesis) as n_gaps
    from expected
    group by
        decided_on,
        symbol
),

stale as (
    select
        expected.decided_on,
        expected.symbol,
        count(*) filter (where expected.session_date > counts.last_session) as n_stale_sessions
    from expected
    inner join counts
        on
            expected.decided_on = counts.decided_on
            and expected.symbol = counts.symbol
    group by
        expected.decided_on,
        expected.symbol
),

refused as (
    select
        found.decided_on,
        found.symbol,
        count(*) as n_quarantined
    from found
    inner join spans on found.decided_on = spans.decided_on
    inner join quarantine
        on
            found.symbol = quarantine.symbol
            and coalesce(quarantine.session_date, found.decided_on) between spans.window_start and found.decided_on
    group by
        found.decided_on,
        found.symbol
),

measured as (
    select
        found.decided_on,
        found.symbol,
        counts.genesis,
        counts.first_window_session,
        run.max_stale_sessions,
        coalesce(counts.n_present, 0) as n_present,
        coalesce(counts.n_gaps, 0) as n_gaps,
        coalesce(stale.n_stale_sessions, 0) as n_stale_sessions,
        coalesce(refused.n_quarantined, 0) as n_quarantined
    from found
    cross join run
    left join counts
        on
            found.decided_on = counts.decided_on
            and found.symbol = counts.symbol
    left join stale
        on
            found.decided_on = stale.decided_on
            and found.symbol = stale.symbol
    left join refused
        on
            found.decided_on = refused.decided_on
            and found.symbol = refused.symbol
),

final as (
    select
        decided_on as session_date,
        symbol,
        {{ health_status() }} as health_status,
        n_present,
        n_gaps,
        n_quarantined,
        n_stale_sessions
    from measured
)

select * from final
