{{ config(
    materialized='table_in_place',
    tags=['scope', 'columns', 'candidates', 'enrichment', 'prices', 'replay', 'window']
) }}

{#- A variable has priority; a run sets environment variables instead, which dbt can change without a new parse. #}
{%- set run_id = var('run_id') or env_var('LAKEFOLIO_RUN_ID', '') %}
{%- set window_sessions = var('window_sessions') or env_var('LAKEFOLIO_WINDOW_SESSIONS', '0') %}

with runs as (
    select * from {{ ref('stg_runs') }}
),

chosen as (
    select *
    from runs
    {% if run_id %}
        where run_id = '{{ run_id }}'
    {% endif %}
    qualify row_number() over (order by started_at desc, run_id desc) = 1
),

final as (
    select
        run_id,
        profile,
        source,
        as_of,
        as_of_at,
        coalesce(nullif({{ window_sessions }}, 0), full_sessions)::bigint as window_sessions,
        coalesce(light_sessions, 60) as light_sessions,
        coalesce(settle_minutes, 10) as settle_minutes,
        coalesce(max_stale_sessions, 2) as max_stale_sessions,
        coalesce(min_history_sessions, 60) as min_history_sessions,
        benchmark,
        -- A JSON list or a comma-separated list; symbols contain none of these four characters.
        string_split(regexp_replace(coalesce(excluded_symbols, ''), '[\[\]" ]', '', 'g'), ',') as excluded_symbols,
        coalesce(is_simulated, false) as is_simulated,
        started_at
    from chosen
)

select * from final
