{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['source', 'symbol', 'session_date'],
    on_schema_change='fail',
    pre_hook="{{ delete_withdrawn(ref('int_bars_checked')) }}",
    tags=['columns', 'prices']
) }}

-- Spot FX has no consolidated volume; a volume of 0 means unknown.
with bars as (
    select * replace (case when asset_class = 'fx' then nullif(volume, 0) else volume end as volume)
    from {{ ref('int_bars_checked') }}
    {% if is_incremental() %}where {{ is_in_changed_month(ref('int_bars_checked')) }}{% endif %}
),

final as (
    select
        bars.source,
        bars.symbol,
        bars.session_date,
        bars.open,
        bars.high,
        bars.low,
        bars.close,
        bars.adj_close,
        coalesce(bars.adj_close, bars.close) as price,
        bars.currency,
        bars.volume,
        bars.close * bars.volume * case when quotes.is_usd_pegged then 1.0 else rates.usd_rate end as value_traded_usd,
        bars.is_close_only,
        bars.first_seen_at
    from bars
    left join {{ ref('quote_currencies') }} as quotes on bars.currency = quotes.currency
    left join {{ ref('int_usd_rates') }} as rates
        on
            bars.source = rates.source
            and bars.currency = rates.currency
            and bars.session_date = rates.session_date
)

select * from final
{% if is_incremental() %}
    except
    select * from {{ this }} -- noqa: AM04
{% endif %}
order by
    source,
    symbol,
    session_date
