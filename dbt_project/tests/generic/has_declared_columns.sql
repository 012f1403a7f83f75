{#- dbt enforces contracts on SQL models only; for a Python model this test compares names, order and types instead. -#}
{% test has_declared_columns(model) %}
    with columns as (
        select
            '{{ declared_columns(model) | join(", ") }}' as declared,
            '{{ found_columns(model) | join(", ") }}' as found
    )

    select *
    from columns
    where declared <> found
{% endtest %}
