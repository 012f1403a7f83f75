{#- Delete the columns of requested sessions whose bar is no longer in scope, so that they equal a full build. -#}
{% macro delete_columns_without_bars() -%}
    delete from {{ this }} as held
    where
        held.source = (select source from {{ ref('int_run') }})
        and exists (
            from {{ ref('int_instruments_described') }} as instruments
            inner join {{ ref('int_sessions_decided') }} as decided
                on instruments.calendar = decided.calendar and decided.purpose = 'discovery'
            where instruments.symbol = held.symbol and decided.last_session = held.session_date
        )
        and not exists (
            from {{ ref('int_bars_of_run') }} as bars
            where bars.symbol = held.symbol and bars.session_date = held.session_date
        )
{%- endmacro %}
