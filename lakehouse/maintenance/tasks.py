# ruff: noqa: S608 (names come from the catalog itself)
"""Compact, expire, back up, restore and verify the lake while all its locks are held.

`lakehouse.maintenance.commands` runs each of these functions in its own process.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lakehouse.connection.catalog import Lake, LakeSettings, literal
from lakehouse.dbt.runner import DBT_LOCK
from lakehouse.errors import LakeDamagedError, LakehouseError, MaintenanceError
from lakehouse.paths import Paths
from lakehouse.schema.tables import CONTRACTS
from lakehouse.storage.locks import table_locks
from lakehouse.storage.row_counts import TableCount, verify_counts

LOCK_SECONDS = 30.0
_SETTINGS = LakeSettings(memory_limit="2GiB")
_METADATA = "__ducklake_metadata_lake"


@dataclass(frozen=True, slots=True)
class CompactReport:
    """Rows written out of the catalog, number of files before and after, and the newest snapshot."""

    rows_flushed: int
    files_before: int
    files_after: int
    snapshot_id: int


@dataclass(frozen=True, slots=True)
class ExpireReport:
    """Snapshots that were expired, old ones that were kept, and the number of files deleted."""

    expired: tuple[int, ...]
    kept: tuple[int, ...]
    files_deleted: int
    is_dry_run: bool


@dataclass(frozen=True, slots=True)
class BackupReport:
    """Folder of a backup, its newest snapshot and its size."""

    folder: Path
    snapshot_id: int
    n_tables: int
    n_files: int
    size_bytes: int


def maintenance_settings() -> LakeSettings:
    """Return the limits of DuckDB in maintenance."""
    return _SETTINGS


def all_locks(paths: Paths, seconds: float | None = None) -> AbstractContextManager[None]:
    """Hold the locks of all tables and of dbt, so that no other process writes meanwhile."""
    return table_locks(paths, {*CONTRACTS, DBT_LOCK}, seconds=LOCK_SECONDS if seconds is None else seconds)


@contextmanager
def locked_lake(paths: Paths, seconds: float | None = None) -> Iterator[Lake]:
    """Open a lake while its locks are held; `seconds` to wait for them, `LOCK_SECONDS` by default."""
    with all_locks(paths, seconds), Lake.open(paths, settings=_SETTINGS, create=False) as lake:
        yield lake


def _n_files(lake: Lake) -> int:
    found = lake.rows("select coalesce(sum(file_count + delete_file_count), 0) from ducklake_table_info('lake')")
    return int(found[0][0])


def _missing_files(lake: Lake) -> list[str]:
    """List data and delete files of the catalog that are missing on disk or differ from the recorded size."""
    folder = lake.paths.data_dir
    if folder is None:
        return []
    problems = []
    for kind in ("data", "delete"):
        for path, is_relative, schema_path, table_path, size in lake.rows(
            "select file.path, file.path_is_relative, schemas.path, tables.path, file.file_size_bytes "
            f"from {_METADATA}.ducklake_{kind}_file as file "
            f"join (select distinct table_id, schema_id, path from {_METADATA}.ducklake_table) as tables using (table_id) "
            f"join (select distinct schema_id, path from {_METADATA}.ducklake_schema) as schemas using (schema_id)"
        ):
            file = folder / schema_path / table_path / path if is_relative else Path(path)
            if not file.is_file():
                problems.append(f"{kind} file {file} is missing")
            elif file.stat().st_size != size:
                problems.append(f"{kind} file {file} has {file.stat().st_size} bytes, the catalog records {size}")
    return problems


def _verified(lake: Lake) -> list[TableCount]:
    problems = _missing_files(lake)
    if problems:
        raise LakeDamagedError("; ".join(problems) + ". Restore a backup")
    return verify_counts(lake, all_columns=True)


def verify(paths: Paths) -> list[TableCount]:
    """See `commands.verify_counts`."""
    with locked_lake(paths) as lake:
        return _verified(lake)


def compact(paths: Paths) -> CompactReport:
    """See `commands.compact`."""
    with locked_lake(paths) as lake:
        _verified(lake)
        before = _n_files(lake)
        flushed = sum(int(row[2]) for row in lake.rows("call ducklake_flush_inlined_data('lake')"))
        lake.rows("call ducklake_rewrite_data_files('lake')")
        lake.rows("call ducklake_merge_adjacent_files('lake')")
        _verified(lake)
        return CompactReport(flushed, before, _n_files(lake), lake.snapshot_id())


def expire(
    paths: Paths, keep: frozenset[int], older_than: datetime, grace: timedelta, is_dry_run: bool
) -> ExpireReport:
    """See `commands.expire`."""
    with locked_lake(paths) as lake:
        old = {
            int(number)
            for (number,) in lake.rows(
                "select snapshot_id from ducklake_snapshots('lake') where snapshot_time::timestamp < ?", [older_than]
            )
        }
        kept = keep | {lake.snapshot_id()}
        expired = sorted(old - kept)
        report = ExpireReport(tuple(expired), tuple(sorted(old & kept)), 0, is_dry_run)
        if is_dry_run or not expired:
            return report
        lake.rows(f"call ducklake_expire_snapshots('lake', versions => [{', '.join(map(str, expired))}])")
        deleted_before = (datetime.now(UTC) - grace).isoformat()
        deleted = 0
        for function in ("ducklake_cleanup_old_files", "ducklake_delete_orphaned_files"):
            deleted += len(lake.rows(f"call {function}('lake', older_than => {literal(deleted_before)}::timestamptz)"))
        _verified(lake)
        return replace(report, files_deleted=deleted)


def _local_parts(paths: Paths) -> tuple[Path, Path]:
    """Return catalog file and data folder; `MaintenanceError` when one of them is on a server."""
    file, folder = paths.catalog_file, paths.data_dir
    if paths.catalog_kind != "sqlite" or file is None or folder is None:
        raise MaintenanceError(
            f"this lake has a {paths.catalog_kind} catalog and data at {paths.data.partition('://')[0]}: "
            "back both up with their own tools (pg_dump, bucket versioning), or use a SQLite catalog and a local folder"
        )
    return file, folder


def _copy_catalog(source: Path, target: Path) -> None:
    # SQLite's backup includes the write-ahead log, which a copy of the file alone would miss.
    with closing(sqlite3.connect(source)) as original, closing(sqlite3.connect(target)) as copy:
        original.backup(copy)


def backup(paths: Paths, destination: Path | None) -> BackupReport:
    """See `commands.backup`."""
    catalog, data = _local_parts(paths)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    folder = (destination or paths.backups / stamp).resolve()
    if folder.exists() and any(folder.iterdir()):
        raise MaintenanceError(f"{folder} is not empty: give a new or empty folder for the backup")
    if folder.is_relative_to(data):
        raise MaintenanceError(f"{folder} is inside the data folder {data}: give a folder outside it")
    if not catalog.exists():
        raise MaintenanceError(f"there is no lake at {catalog}: set LAKEFOLIO_HOME to the home that holds one")
    with all_locks(paths):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            _copy_catalog(catalog, folder / "catalog.sqlite")
            if data.exists():
                shutil.copytree(data, folder / "files")
            (folder / "files").mkdir(exist_ok=True)
            return _checked_backup(paths, folder)
        except (LakehouseError, OSError):
            shutil.rmtree(folder, ignore_errors=True)
            raise


def _checked_backup(paths: Paths, folder: Path) -> BackupReport:
    """Open the copy as a lake, count all its rows and describe it in `backup.json`."""
    copy = replace(paths, catalog=f"sqlite:{folder / 'catalog.sqlite'}", data=str(folder / "files"))
    with Lake.open(copy, settings=_SETTINGS, read_only=True) as lake:
        counts = _verified(lake)
        snapshot_id = lake.snapshot_id()
    files = [file for file in (folder / "files").rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files)
    report = BackupReport(folder, snapshot_id, len(counts), len(files), size)
    description = {"snapshot_id": snapshot_id, "tables": {count.table: count.scanned for count in counts}}
    (folder / "backup.json").write_text(json.dumps(description, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return report


def _is_filled(catalog: Path) -> bool:
    """Tell whether a file holds a catalog, or anything else that must not be deleted."""
    try:
        with closing(sqlite3.connect(catalog)) as connection:
            return bool(connection.execute("select count(*) from sqlite_master").fetchone()[0])
    except sqlite3.DatabaseError:
        return True


def _make_way(catalog: Path, data: Path) -> None:
    """Set data files without a catalog aside; `MaintenanceError` where there is a catalog."""
    if catalog.exists() and _is_filled(catalog):
        raise MaintenanceError(f"there is a lake at {catalog} already: move it away, or use another home")
    for suffix in ("", "-wal", "-shm"):
        catalog.with_name(catalog.name + suffix).unlink(missing_ok=True)
    if data.exists() and any(data.iterdir()):
        data.rename(data.with_name(f"{data.name}-without-catalog-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"))
    catalog.parent.mkdir(parents=True, exist_ok=True)


def create(paths: Paths) -> int:
    """See `commands.create`."""
    catalog, data = _local_parts(paths)
    with all_locks(paths):
        _make_way(catalog, data)
        with Lake.open(paths, settings=_SETTINGS, anew=True) as lake:
            return lake.snapshot_id()


def restore(paths: Paths, source: Path) -> int:
    """See `commands.restore`."""
    catalog, data = _local_parts(paths)
    if not (source / "catalog.sqlite").is_file() or not (source / "backup.json").is_file():
        raise MaintenanceError(f"{source} holds no backup: it needs catalog.sqlite, files and backup.json")
    with all_locks(paths):
        _make_way(catalog, data)
        shutil.copytree(source / "files", data, dirs_exist_ok=True)
        _copy_catalog(source / "catalog.sqlite", catalog)
        with Lake.open(paths, settings=_SETTINGS, create=False) as lake:
            _verified(lake)
            return lake.snapshot_id()
