"""Find tables that a program other than lakefolio and dbt changed, by the authors of the commits.

See docs/lake.md#12.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lakehouse.connection.catalog import Lake
from lakehouse.connection.layout import METADATA, checked_snapshot, record_checked
from lakehouse.storage.snapshots import Snapshot, list_snapshots

WATCHED_SCHEMAS: Final = ("raw", "scope", "results", "marts")
OWN_AUTHORS: Final = frozenset({"lakefolio", "dbt"})
_WRITTEN: Final = ("tables_inserted_into", "tables_deleted_from", "inlined_insert", "inlined_delete")
_REDEFINED: Final = ("tables_dropped", "tables_altered")
"""Kinds of change after which a table reads otherwise; merging and writing out inlined rows are none."""


@dataclass(frozen=True, slots=True)
class ForeignChange:
    """A table, `schema.name`, and the newest snapshot in which another program changed it."""

    table: str
    snapshot_id: int


def foreign_changes(lake: Lake) -> tuple[ForeignChange, ...]:
    """List the tables that commits of other authors changed since changes were last acknowledged, by name.

    Tables of other schemas are built by every run, or are the user's own.
    """
    checked = checked_snapshot(lake.connection)
    names = _table_names(lake)
    found: dict[str, int] = {}
    for snapshot in list_snapshots(lake):
        if snapshot.snapshot_id <= checked or snapshot.author in OWN_AUTHORS:
            continue
        # dbt creates the table of a Python model on another connection, whose commit it does not sign.
        created = {table.replace('"', "") for table in snapshot.changes.get("tables_created", ())}
        for table in _tables(snapshot, _WRITTEN, names) - created | _tables(snapshot, _REDEFINED, names):
            found[table] = max(found.get(table, -1), snapshot.snapshot_id)
    # dbt names a table that it is about to replace, or to drop, with this mark.
    lasting = (table for table in sorted(found) if "__dbt_" not in table)
    watched = (table for table in lasting if table.partition(".")[0] in WATCHED_SCHEMAS)
    return tuple(ForeignChange(table, found[table]) for table in watched)


def acknowledge_changes(lake: Lake) -> int:
    """Take the lake as it is now for right; returns its newest snapshot."""
    return record_checked(lake.connection)


def _tables(snapshot: Snapshot, kinds: tuple[str, ...], names: dict[str, str]) -> set[str]:
    numbers = (str(number) for kind in kinds for number in snapshot.changes.get(kind, ()))
    return {names.get(number, number) for number in numbers}


def _table_names(lake: Lake) -> dict[str, str]:
    """Name every table by its id, also those that were dropped."""
    database = METADATA.partition(".")[0]
    return {
        str(number): f"{schema}.{table}"
        for number, schema, table in lake.rows(
            f"select table_id, schema_name, table_name from {database}.ducklake_table "  # noqa: S608  # a constant
            f"inner join {database}.ducklake_schema using (schema_id)"
        )
    }
