with anchors as (
    select * from {{ source('results', 'hedge_anchors') }}
),

selection as (
    select
        run_id,
        symbol,
        asset_class,
        is_selected
    from {{ source('results', 'selection') }}
),

instruments as (
    select
        run_id,
        symbol,
        name
    from {{ ref('instruments') }}
),

final as (
    select
        anchors.run_id,
        anchors.reference,
        anchors.reference_symbol,
        anchors.rank,
        anchors.symbol,
        instruments.name,
        selection.asset_class,
        anchors.correlation,
        anchors.n_common,
        coalesce(selection.is_selected, false) as is_selected
    from anchors
    left join selection on anchors.run_id = selection.run_id and anchors.symbol = selection.symbol
    left join instruments
        on anchors.run_id = instruments.run_id and anchors.symbol = instruments.symbol
)

select * from final
