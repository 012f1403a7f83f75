-- sqlfluff:exclude_rules:LT02
{#-
    One query for each scanner of the run in scope over the relation `inputs`, joined by union all.

    The conditions are those of scope.scanners, which ingest/screening/sql.py compiles from the scanner files. A base
    universe that depends on other instruments narrows in order: liquidity and class, then venue, then size.
-#}
{% macro scanner_predicates() -%}
    {%- set scanners = [] -%}
    {%- if execute -%}
        {%- set scanners = run_query(
            "select scanners.* from " ~ ref('stg_scanners') ~ " as scanners inner join " ~ ref('int_run')
            ~ " as run on scanners.run_id = run.run_id order by scanners.scanner"
        ).rows -%}
    {%- else -%}
        {%- do ref('stg_scanners') -%}
        {%- do ref('int_run') -%}
    {%- endif -%}
    {%- for one in scanners %}
select
    '{{ one["scanner"] }}' as scanner,
    '{{ one["strategy"] }}' as strategy,
    '{{ one["direction"] }}' as direction,
    row_number() over (partition by session_date order by value_traded_usd desc nulls last, symbol asc) as rank,
    {{ one["payload"] or "null" }}::varchar as payload,
    *
from {{ base_universe(one) }}
where {{ one["predicate"] }}
qualify rank <= {{ one["row_limit"] }}
{% if not loop.last %}union all{% endif %}
    {%- else %}
select
    null::varchar as scanner,
    null::varchar as strategy,
    null::varchar as direction,
    null::bigint as rank,
    null::varchar as payload,
    *
from inputs
where false
    {%- endfor %}
{%- endmacro %}

{#- The instruments among which a scanner searches, narrowed to one venue of each ticker and to the largest. -#}
{% macro base_universe(one) -%}
    {%- set universe = "(select * from inputs where " ~ one["universe"] -%}
    {%- if one["venue_order"] -%}
        {%- set universe = universe ~ " qualify (" ~ one["venue_order"] ~ ") = min(" ~ one["venue_order"]
            ~ ") over (partition by session_date, split_part(symbol, ':', 2), asset_class, product)" -%}
    {%- endif -%}
    {%- set universe = universe ~ ")" -%}
    {%- if one["size_limit"] -%}
        {%- set universe = "(select * from " ~ universe ~ " where market_cap_usd is not null"
            ~ " qualify row_number() over (partition by session_date order by market_cap_usd desc, symbol asc) <= "
            ~ one["size_limit"] ~ ")" -%}
    {%- endif -%}
    {{ universe }}
{%- endmacro %}
