{#- Rows for which the statement is not true; an unknown answer is a failure. -#}
{% test holds(model, expression) %}
    select *
    from {{ model }}
    where ({{ expression }}) is not true
{% endtest %}
