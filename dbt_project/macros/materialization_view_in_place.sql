{#-
    Create a view in one statement, or none when the lake has the same view, instead of swapping names as dbt does.

    dbt creates a view beside the old one and swaps their names, which changes the schema of the catalog three times;
    DuckLake reads its whole catalog after each change. DuckLake stores a view as text, so equal text is an equal view.
-#}
{% materialization view_in_place, adapter='duckdb' %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='view') -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- if existing is not none and not existing.is_view -%}
        {% do adapter.drop_relation(existing) %}
        {%- set existing = none -%}
    {%- endif -%}
    {% if existing is not none and has_same_text(existing, sql) %}
        {% call noop_statement('main', 'UNCHANGED') %}{{ sql }}{% endcall %}
    {% else %}
        {% call statement('main') -%}
            create or replace view {{ target_relation }} as (
                {{ sql }}
            );
        {%- endcall %}
    {% endif %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{#- True when the text of a view equals the text that DuckDB stores for a query, compared by a temporary view. -#}
{% macro has_same_text(relation, sql) %}
    {% call statement('probe') -%}
        create or replace temp view lakefolio_probe as (
            {{ sql }}
        );
    {%- endcall %}
    {%- set found = run_query(
        "select count(distinct substr(sql, strpos(sql, ' AS '))) = 1 and count(*) = 2 as is_same from duckdb_views() "
        ~ "where (database_name = 'temp' and view_name = 'lakefolio_probe') or (database_name = '"
        ~ relation.database ~ "' and schema_name = '" ~ relation.schema ~ "' and view_name = '"
        ~ relation.identifier ~ "')"
    ) -%}
    {{ return(found.rows[0][0]) }}
{% endmacro %}
