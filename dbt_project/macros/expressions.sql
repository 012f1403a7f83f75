{#- A score term in [0, 1]; it is 0 when its input is unknown (docs/method/05-discovery-selection.md#5.2). -#}
{% macro unit_interval(expression) -%}
    least(greatest(coalesce({{ expression }}, 0.0), 0.0), 1.0)
{%- endmacro %}
