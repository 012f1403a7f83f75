"""Compare the rows of each table with the row count in its metadata.

See docs/lake.md#6.
"""

# ruff: noqa: S608 (names come from contracts and checked table names, values are parameters)
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from lakehouse.connection.catalog import Lake, check_table
from lakehouse.errors import LakeDamagedError
from lakehouse.schema.tables import CONTRACTS


@dataclass(frozen=True, slots=True)
class TableCount:
    """Rows of one table, according to its metadata (`promised`) and to a scan (`scanned`)."""

    table: str
    promised: int
    scanned: int
    problem: str = ""

    @property
    def is_whole(self) -> bool:
        """True when both counts agree and no required value is null."""
        return not self.problem


def base_tables(lake: Lake) -> tuple[str, ...]:
    """List the tables of the lake, without views."""
    found = lake.rows("select schema_name || '.' || table_name from duckdb_tables() where database_name = 'lake'")
    return tuple(sorted(name for (name,) in found))


def _column_names(lake: Lake, table: str) -> list[str]:
    return [name for (name,) in lake.rows(f"select column_name from (describe lake.{table})")]


def count_table(lake: Lake, table: str, *, all_columns: bool = False) -> TableCount:
    """Count a table from its metadata and by reading a required column, or all columns."""
    contract = CONTRACTS.get(check_table(table))
    required = [column.name for column in contract.columns if not column.nullable] if contract else []
    promised, scanned = 0, 0
    try:
        with lake.one_snapshot():
            promised = int(lake.rows(f"select count(*) from lake.{table}")[0][0])
            names = list(contract.names) if contract else _column_names(lake, table)
            if not (all_columns and promised):
                names = required[:1] or names[:1]
            # hash() reads every value, so the optimizer cannot answer these counts from statistics.
            sums = ", ".join(f'count(hash("{name}")), count("{name}")' for name in names)
            found = lake.rows(f"select {sums} from lake.{table}")[0]
    except duckdb.Error as error:
        return TableCount(table, promised, 0, f"cannot be read: {error}")
    scanned = int(found[0])
    for position, name in enumerate(names):
        rows, filled = int(found[2 * position]), int(found[2 * position + 1])
        if rows != promised:
            return TableCount(table, promised, rows, f"column {name} has {rows} rows, the metadata record {promised}")
        if name in required and filled != rows:
            return TableCount(table, promised, rows, f"column {name} is required and null in {rows - filled} rows")
    return TableCount(table, promised, scanned)


def verify_counts(lake: Lake, tables: Sequence[str] | None = None, *, all_columns: bool = False) -> list[TableCount]:
    """Compare metadata and scan of each table, all tables by default.

    Raises
    ------
    LakeDamagedError
        Naming every damaged table.
    """
    counts = [count_table(lake, table, all_columns=all_columns) for table in tables or base_tables(lake)]
    damaged = [f"{count.table}: {count.problem}" for count in counts if not count.is_whole]
    if damaged:
        raise LakeDamagedError("; ".join(damaged) + ". Restore a backup, or read an older snapshot")
    return counts
