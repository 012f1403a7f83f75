{#- dbt enforces contracts on SQL models only; for a Python model this test compares names, order and types instead. -#}
{% test has_declared_columns(model) %}
{% set declared = [] %}
{% set found = [] %}
{% if execute %}
{% for node in graph.nodes.values() if node.resource_type == 'model' and node.name == model.identifier %}
{% for column in node.columns.values() %}
{% do declared.append(column.name ~ ' ' ~ column.data_type | lower) %}
{% endfor %}
{% endfor %}
{% for column in adapter.get_columns_in_relation(model) %}
{% do found.append(column.name ~ ' ' ~ column.dtype | lower) %}
{% endfor %}
{% endif %}
    select
        '{{ declared | join(", ") }}' as declared,
        '{{ found | join(", ") }}' as found
    where declared <> found
{% endtest %}
