select
    venue,
    calendar,
    country,
    kind as venue_kind,
    priority::bigint as venue_priority,
    upper(currency) as venue_currency
from {{ ref('venues') }}
