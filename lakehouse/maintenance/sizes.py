# ruff: noqa: S608 (names are constants or come from the catalog itself, snapshot ids are whole numbers)
"""Measure the tables of a lake, and what expiring its unpinned snapshots would free, from the catalog alone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from lakehouse.connection.catalog import Lake
from lakehouse.maintenance.routine import inlined_rows

_METADATA: Final = "__ducklake_metadata_lake"


@dataclass(frozen=True, slots=True)
class TableSize:
    """Size of one table: its rows now, its files of all snapshots, and rows that are in the catalog."""

    table: str
    n_rows: int
    n_files: int
    n_bytes: int
    n_inlined_rows: int


@dataclass(frozen=True, slots=True)
class Expirable:
    """Snapshots that `expire` may remove, and the files that only they need."""

    n_snapshots: int
    n_files: int
    n_bytes: int


def table_sizes(lake: Lake) -> list[TableSize]:
    """Measure every table, largest first."""
    files = lake.rows(
        "select schema_name || '.' || table_name, count(file.data_file_id), coalesce(sum(file.file_size_bytes), 0)::bigint "
        f"from {_METADATA}.ducklake_table as tables "
        f"inner join {_METADATA}.ducklake_schema as schemas using (schema_id) "
        f"left join ({_files()}) as file using (table_id) "
        "where tables.end_snapshot is null group by 1 order by 3 desc, 1"
    )
    inlined = inlined_rows(lake)
    return [
        TableSize(
            table, int(lake.rows(f"select count(*) from lake.{table}")[0][0]), int(n_files), int(n_bytes),
            inlined.get(table, 0),
        )
        for table, n_files, n_bytes in files
    ]  # fmt: skip


def expirable(lake: Lake, keep: Collection[int]) -> Expirable:
    """Count what would go if every snapshot but those of `keep` and the newest one expired."""
    kept = sorted({*keep, lake.snapshot_id()})
    n_snapshots = lake.rows(f"select count(*) from {_METADATA}.ducklake_snapshot where snapshot_id not in ?", [kept])
    n_files, n_bytes = lake.rows(
        f"select count(*), coalesce(sum(file_size_bytes), 0)::bigint from ({_files()}) as file "
        "where end_snapshot is not null and not exists (from unnest(?::bigint[]) as kept(id) "
        "where kept.id >= begin_snapshot and kept.id < end_snapshot)",
        [kept],
    )[0]
    return Expirable(int(n_snapshots[0][0]), int(n_files), int(n_bytes))


def _files() -> str:
    """Data and delete files of all snapshots."""
    columns = "data_file_id, table_id, begin_snapshot, end_snapshot, file_size_bytes"
    return " union all ".join(f"select {columns} from {_METADATA}.ducklake_{kind}_file" for kind in ("data", "delete"))
