"""Every table of `raw`, `scope` and `results` by name, with the contract that each written frame must satisfy.

See docs/architecture.md#lake.
"""

from __future__ import annotations

from lakehouse.schema.cluster_tables import CLUSTERS
from lakehouse.schema.contracts import TableContract
from lakehouse.schema.portfolio_tables import PORTFOLIOS
from lakehouse.schema.raw_tables import RAW
from lakehouse.schema.run_tables import RUN_RECORDS
from lakehouse.schema.scope_tables import SCOPE
from lakehouse.schema.tournament_tables import TOURNAMENT

CONTRACTS: dict[str, TableContract] = {
    contract.qualified_name: contract for contract in (*RAW, *SCOPE, *RUN_RECORDS, *CLUSTERS, *PORTFOLIOS, *TOURNAMENT)
}
