"""Contracts of `scope`: what a run asks of its models, written by `lakefolio` before dbt builds.

See docs/architecture.md#lake.
"""

from __future__ import annotations

from lakehouse.schema.contracts import DATE, INT, RUN, TEXT, TIME, Column, TableContract, key, table

SCOPE: tuple[TableContract, ...] = (
    table(
        "scope",
        "scanners",
        "run_id scanner",
        RUN,
        key("scanner"),
        key("strategy"),
        key("direction"),
        Column("row_limit", INT, nullable=False),
        key("universe"),
        Column("venue_order", TEXT),
        Column("size_limit", INT),
        key("predicate"),
        Column("payload", TEXT),
        Column("missing_columns", TEXT),
    ),
    table(
        "scope",
        "sessions",
        "run_id purpose session_date",
        RUN,
        key("purpose"),
        key("session_date", DATE),
        Column("decided_at", TIME, nullable=False),
    ),
)
