select
    scans.scanner,
    scans.symbol
from {{ ref('stg_scans') }} as scans
inner join {{ ref('int_run') }} as run
    on
        scans.run_id = run.run_id
        and scans.source = run.source
left join {{ ref('int_instruments_described') }} as instruments on scans.symbol = instruments.symbol
where instruments.symbol is null
