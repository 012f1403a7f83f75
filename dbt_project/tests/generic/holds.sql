{#- Rows for which the expression is not true; null counts as not true. -#}
{% test holds(model, expression) %}
    select *
    from {{ model }}
    where ({{ expression }}) is not true
{% endtest %}
