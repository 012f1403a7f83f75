{#- Name dbt as the author of this model's commit, so that a table changed by hand can be told from one it built. -#}
{% macro sign_commit() -%}
    {%- if execute -%}
        call ducklake_set_commit_message('{{ this.database }}', 'dbt', '{{ this.schema }}.{{ this.identifier }}')
    {%- endif -%}
{%- endmacro %}
