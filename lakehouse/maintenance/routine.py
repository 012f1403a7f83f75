# ruff: noqa: S608 (names come from the catalog itself, snapshot ids are whole numbers)
"""Keep a lake small: expire unpinned snapshots, merge small files, write inlined rows out, delete old files.

See docs/lake.md#5.

A run asks `due` what there is to do, which takes milliseconds, and starts `maintain` in a process of its own where it is
enough.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from lakehouse.connection.catalog import Lake, literal
from lakehouse.maintenance.tasks import locked_lake
from lakehouse.paths import Paths

_METADATA: Final = "__ducklake_metadata_lake"
SMALL_BYTES: Final = 4 << 20
"""Files below this size are merged, so that a long history is not written again with every day."""
DELETED_SHARE: Final = 0.5
"""A file in which a larger share of the rows is deleted, and more of them than a table may have in the catalog, is written
again without them."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Numbers above which maintenance is due.

    Attributes
    ----------
    snapshots : int
        Snapshots that no run pins.
    small_files : int
        Files below `SMALL_BYTES` of one table.
    inlined_rows : int
        Rows of one table in the catalog.
    """

    snapshots: int = 100
    small_files: int = 20
    inlined_rows: int = 2000


@dataclass(frozen=True, slots=True)
class Due:
    """Snapshots, and tables with schema and name, that are to be maintained."""

    snapshots: tuple[int, ...]
    merged: tuple[tuple[str, str], ...]
    flushed: tuple[tuple[str, str], ...]

    def is_enough(self, limits: Limits) -> bool:
        """Tell whether the work is worth a process of its own."""
        return bool(len(self.snapshots) > limits.snapshots or self.merged or self.flushed)


@dataclass(frozen=True, slots=True)
class MaintenanceReport:
    """Snapshots that were expired, tables whose files were merged or written from the catalog, files that were deleted."""

    n_expired: int
    n_tables_merged: int
    n_tables_flushed: int
    n_files_deleted: int


def due(lake: Lake, keep: Collection[int], limits: Limits) -> Due:
    """Find what there is to do; `keep` are snapshots that are never expired, and the newest one is not either."""
    kept = [*keep, lake.snapshot_id()]
    snapshots = lake.rows(f"select snapshot_id from {_METADATA}.ducklake_snapshot where snapshot_id not in ?", [kept])
    merged = lake.rows(
        "select schema_name, table_name "
        f"from {_METADATA}.ducklake_data_file as file "
        f"inner join {_METADATA}.ducklake_table as tables using (table_id) "
        f"inner join {_METADATA}.ducklake_schema as schemas using (schema_id) "
        f"left join {_METADATA}.ducklake_delete_file as deleted "
        "on file.data_file_id = deleted.data_file_id and deleted.end_snapshot is null "
        "where file.end_snapshot is null and tables.end_snapshot is null group by all "
        "having count_if(file.file_size_bytes < ?) > ? "
        "or count_if(deleted.delete_count > ? and deleted.delete_count > ? * file.record_count) > 0 order by all",
        [SMALL_BYTES, limits.small_files, limits.inlined_rows, DELETED_SHARE],
    )
    rows = inlined_rows(lake)
    flushed = [tuple(table.split(".")) for table, n_rows in sorted(rows.items()) if n_rows > limits.inlined_rows]
    return Due(
        tuple(sorted(int(number) for (number,) in snapshots)),
        tuple((schema, table) for schema, table in merged),
        tuple((schema, table) for schema, table in flushed),
    )


def inlined_rows(lake: Lake) -> dict[str, int]:
    """Count the rows that each table has in the catalog, also those that only old snapshots read."""
    tables = lake.rows(
        "select schema_name || '.' || tables.table_name, inlined.table_name "
        f"from {_METADATA}.ducklake_inlined_data_tables as inlined "
        f"inner join {_METADATA}.ducklake_table as tables using (table_id) "
        f"inner join {_METADATA}.ducklake_schema as schemas using (schema_id) where tables.end_snapshot is null"
    )
    if not tables:
        return {}
    counts = " union all ".join(
        f"select {literal(table)} as name, count(*) as n_rows from {_METADATA}.{inlined}" for table, inlined in tables
    )
    found = lake.rows(f"select name, sum(n_rows)::bigint from ({counts}) group by name having sum(n_rows) > 0")
    return {str(name): int(n_rows) for name, n_rows in found}


def maintain(
    paths: Paths, keep: frozenset[int], limits: Limits, grace: timedelta, lock_seconds: float
) -> MaintenanceReport:
    """See `commands.maintain`."""
    with locked_lake(paths, seconds=lock_seconds) as lake:
        work = due(lake, keep, limits)
        for schema, table in work.flushed:
            lake.rows(
                f"call ducklake_flush_inlined_data('lake', schema_name => {literal(schema)}, table_name => {literal(table)})"
            )
        # Before files are merged, so that what only expired snapshots need is not written again.
        expire_snapshots(lake, work.snapshots)
        for schema, table in work.merged:
            named = f"'lake', {literal(table)}, schema => {literal(schema)}"
            lake.rows(f"call ducklake_rewrite_data_files({named}, delete_threshold => {DELETED_SHARE})")
            lake.rows(f"call ducklake_merge_adjacent_files({named}, max_file_size => {SMALL_BYTES})")
        deleted = delete_unused_files(lake, grace)
    return MaintenanceReport(len(work.snapshots), len(work.merged), len(work.flushed), deleted)


def expire_snapshots(lake: Lake, snapshots: Collection[int]) -> None:
    """Expire snapshots by id; those that have gone already are passed over."""
    if snapshots:
        lake.rows(f"call ducklake_expire_snapshots('lake', versions => [{', '.join(map(str, sorted(snapshots)))}])")


def delete_unused_files(lake: Lake, grace: timedelta) -> int:
    """Delete files that no snapshot needs and that are older than `grace`; returns their number."""
    before = literal((datetime.now(UTC) - grace).isoformat())
    return sum(
        len(lake.rows(f"call {function}('lake', older_than => {before}::timestamptz)"))
        for function in ("ducklake_cleanup_old_files", "ducklake_delete_orphaned_files")
    )
