"""Contracts of `scope`: what a run asks of its models, written by `lakefolio` before dbt builds.

See docs/architecture.md#lake.
"""

from __future__ import annotations

from lakehouse.schema.contracts import DATE, FLAG, INT, RUN, TEXT, TIME, Column, TableContract, key, many, table

SCOPE: tuple[TableContract, ...] = (
    table(
        "scope",
        "runs",
        "run_id",
        RUN,
        key("profile"),
        key("source"),
        Column("as_of", DATE, nullable=False),
        Column("as_of_at", TIME, nullable=False),
        *many(INT, "light_sessions full_sessions settle_minutes max_stale_sessions"),
        Column("min_history_sessions", INT),
        Column("benchmark", TEXT),
        Column("excluded_symbols", TEXT),
        Column("strict_health", FLAG),
        Column("is_simulated", FLAG),
        Column("manifest_sha256", TEXT),
        Column("parent_run_id", TEXT, volatile=True),
        Column("started_at", TIME, nullable=False, volatile=True),
    ),
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
    table("scope", "winners", "run_id symbol", RUN, key("symbol")),
)
