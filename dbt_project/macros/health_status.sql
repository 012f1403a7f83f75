{#- Status of an instrument in a window: its worst fault (docs/method/01-time-sessions-bars.md#1.6). -#}
{% macro health_status() -%}
    case
        when n_present = 0 then 'MISSING'
        when n_quarantined > 0 then 'INVALID'
        when n_stale_sessions > max_stale_sessions then 'STALE'
        when n_gaps > 0 then 'GAPS'
        when genesis > first_window_session then 'SHORT'
        else 'OK'
    end
{%- endmacro %}
