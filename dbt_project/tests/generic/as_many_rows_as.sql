{% test as_many_rows_as(model, compared) %}
    with counted as (
        select
            (select count(*) from {{ model }}) as n_rows,
            (select count(*) from {{ compared }}) as n_expected
    )

    select *
    from counted
    where n_rows <> n_expected
{% endtest %}
