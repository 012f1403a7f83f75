"""Keep all data in DuckLake tables with contracts, transactions and snapshots.

See docs/architecture.md#packages, docs/architecture.md#lake.
"""
