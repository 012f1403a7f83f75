{#-
    A view in one statement, and none where the lake holds the same one already. It stands in for dbt's own.

    dbt makes a view beside the old one and swaps their names: three changes of the catalog's schema, after each of which
    DuckLake reads its whole catalog again. A view of DuckLake is its text, so one that reads the same is the same.
-#}
{% materialization view, adapter='duckdb' %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='view') -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- if existing is not none and not existing.is_view -%}
        {% do adapter.drop_relation(existing) %}
        {%- set existing = none -%}
    {%- endif -%}
    {% if existing is not none and reads_as(existing, sql) %}
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

{#- Whether a view's text is what DuckDB would make of a query: a temporary view says what that is. -#}
{% macro reads_as(relation, sql) %}
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
