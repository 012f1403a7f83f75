{#- A score term in [0, 1]; a term whose input is unknown earns nothing (quant.md 5.2). -#}
{% macro unit_interval(expression) -%}
    least(greatest(coalesce({{ expression }}, 0.0), 0.0), 1.0)
{%- endmacro %}

{#- One spelling of a listing's ticker: BRK.B, BRK-B and BRK_B are one share class, ^VIX is VIX. -#}
{% macro plain_ticker(ticker) -%}
    regexp_replace(ltrim(upper({{ ticker }}), '^'), '[-_ .]+', '.', 'g')
{%- endmacro %}
