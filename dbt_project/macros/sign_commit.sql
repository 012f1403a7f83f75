{#- Sign the commit of this model as dbt's, so that a table changed by another program can be found. -#}
{% macro sign_commit() -%}
    {%- if execute -%}
        call ducklake_set_commit_message('{{ this.database }}', 'dbt', '{{ this.schema }}.{{ this.identifier }}')
    {%- endif -%}
{%- endmacro %}
