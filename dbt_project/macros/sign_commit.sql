{#- Name dbt as the author of the commit of this model, so that a table changed by hand can be told from one that dbt built. -#}
{% macro sign_commit() -%}
    {%- if execute -%}
        call ducklake_set_commit_message('{{ this.database }}', 'dbt', '{{ this.schema }}.{{ this.identifier }}')
    {%- endif -%}
{%- endmacro %}
