select
    candidates.symbol,
    candidates.identity
from {{ ref('candidates') }} as candidates
inner join {{ ref('int_instruments_described') }} as instruments on candidates.identity = instruments.identity
where
    instruments.is_benchmark
    or instruments.product = 'index'
