{{ config(tags=['candidates']) }}

with scans as (
    select * from {{ ref('int_scans_scored') }}
),

-- The most liquid venue represents its side; of two sides the one with the higher discovery score is kept.
sides as (
    select
        session_date,
        identity,
        direction,
        symbol,
        discovery_score,
        value_traded_usd
    from scans
    qualify row_number() over (
        partition by session_date, identity, direction
        order by value_traded_usd desc nulls last, venue_priority asc, symbol asc
    ) = 1
),

final as (
    select
        session_date,
        identity,
        direction,
        symbol,
        count(*) over (partition by session_date, identity) > 1 as is_conflict
    from sides
    qualify row_number() over (
        partition by session_date, identity
        order by discovery_score desc, value_traded_usd desc nulls last, direction desc
    ) = 1
)

select * from final
