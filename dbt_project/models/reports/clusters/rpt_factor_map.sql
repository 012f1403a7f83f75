with points as (
    select * from {{ source('results', 'factor_map') }}
),

clusters as (
    select
        run_id,
        symbol,
        cluster_id,
        label
    from {{ source('results', 'clusters') }}
    where stage = 'full'
),

selection as (
    select
        run_id,
        symbol,
        asset_class,
        direction
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
        points.run_id,
        points.symbol,
        instruments.name,
        selection.asset_class,
        clusters.cluster_id,
        clusters.label,
        selection.direction,
        points.x,
        points.y,
        avg(points.x order by points.symbol) over (partition by points.run_id, clusters.cluster_id) as cluster_x,
        avg(points.y order by points.symbol) over (partition by points.run_id, clusters.cluster_id) as cluster_y,
        points.x_explained,
        points.y_explained
    from points
    left join clusters on points.run_id = clusters.run_id and points.symbol = clusters.symbol
    left join selection on points.run_id = selection.run_id and points.symbol = selection.symbol
    left join instruments
        on points.run_id = instruments.run_id and points.symbol = instruments.symbol
)

select * from final
