{#-
    Replace the rows of a table in one transaction, instead of creating a new table as dbt's `table` does.

    Swapping a new table for the old one changes the schema of the catalog three times, and DuckLake reads its whole
    catalog after each change; replacing the rows changes no schema and takes a third of the time. Old rows stay
    readable by snapshot. A table whose columns differ from those of the model is created again.
-#}
{% materialization table_in_place, adapter='duckdb' %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set contract = config.get('contract') -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- if contract.enforced %}{{ get_assert_columns_equivalent(sql) }}{% endif -%}
    {%- if existing is not none and not existing.is_table -%}
        {% do adapter.drop_relation(existing) %}
        {%- set existing = none -%}
    {%- endif -%}
    {%- set replaces_rows =
        existing is not none and not should_full_refresh() and has_columns_of(existing, sql)
    -%}

    {% if replaces_rows %}
        {% call statement('main') -%}
            delete from {{ target_relation }};
            insert into {{ target_relation }} by name (
                {{ sql }}
            );
        {%- endcall %}
    {% else %}
        {% if existing is not none %}{% do adapter.drop_relation(existing) %}{% endif %}
        {% call statement('main') -%}
            {{- create_table_as(False, target_relation, sql) }}
        {%- endcall %}
    {% endif %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{#- True when a table has the columns of a query, in name, order and type. -#}
{% macro has_columns_of(relation, sql) %}
    {%- set existing_columns = [] -%}
    {%- set new_columns = [] -%}
    {%- for column in adapter.get_columns_in_relation(relation) -%}
        {%- do existing_columns.append(column.name ~ ' ' ~ column.dtype | lower) -%}
    {%- endfor -%}
    {%- for column in get_column_schema_from_query(sql) -%}
        {%- do new_columns.append(column.name ~ ' ' ~ column.dtype | lower) -%}
    {%- endfor -%}
    {{ return(existing_columns == new_columns) }}
{% endmacro %}
