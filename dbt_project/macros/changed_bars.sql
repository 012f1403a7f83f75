{#-
    Months of a source in which its bars differ from those in this table: a bar is new, was restated or withdrawn, or the
    currency of its prices changed. Bars are compared by one hash for each month, so that only months that differ are
    read in full. An exchange rate is valid for ten days, so the month after a change counts too.
-#}
{% macro changed_months(bars) -%}
    select
        source,
        unnest([session_month, session_month + interval 1 month])::date as session_month
    from (
        select
            source,
            date_trunc('month', session_date) as session_month,
            bit_xor({{ bar_hash() }}) as fingerprint
        from {{ bars }}
        group by all
    ) as new_bars
    full outer join (
        select
            source,
            date_trunc('month', session_date) as session_month,
            bit_xor({{ bar_hash() }}) as fingerprint
        from {{ this }}
        group by all
    ) as held_bars using (source, session_month)
    where new_bars.fingerprint is distinct from held_bars.fingerprint
{%- endmacro %}

{% macro is_in_changed_month(bars) -%}
    (source, date_trunc('month', session_date)::date) in ({{ changed_months(bars) }})
{%- endmacro %}

{#- Delete the bars of this table that are no longer among the checked bars. -#}
{% macro delete_withdrawn(bars) -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where
            {{ is_in_changed_month(bars) }}
            and (source, symbol, session_date) not in (
                select
                    source,
                    symbol,
                    session_date
                from {{ bars }}
            )
    {%- endif -%}
{%- endmacro %}

{#- Delete the rows of the run in scope from a table keyed by run: a step that is repeated replaces its rows. -#}
{% macro delete_rows_of_run() -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where run_id = (select run_id from {{ ref('int_run') }})
    {%- endif -%}
{%- endmacro %}

{#- Hash of what distinguishes a bar from other bars and from its restatement; FX has a volume of 0 in raw. -#}
{% macro bar_hash() -%}
    hash(symbol, session_date, currency, open, high, low, close, adj_close, coalesce(volume, 0), is_close_only)
{%- endmacro %}
