{#- dbt enforces contracts of SQL models only; this test compares names, order and types for Python models. -#}
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
