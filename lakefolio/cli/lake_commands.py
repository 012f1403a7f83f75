"""Inspect and maintain the lake, as `lakefolio lake` offers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from lakefolio.audit.pinned_snapshots import pinned_snapshots, pins
from lakefolio.errors import UsageError
from lakefolio.runs.run import run_lock
from lakehouse.connection.catalog import Lake
from lakehouse.maintenance import commands
from lakehouse.maintenance.sizes import expirable, table_sizes
from lakehouse.paths import Paths
from lakehouse.storage.foreign_changes import ForeignChange, acknowledge_changes, foreign_changes
from lakehouse.storage.snapshots import list_snapshots


def describe_lake(paths: Paths) -> Mapping[str, pl.DataFrame]:
    """Describe the lake: totals and what `expire` would free, the size of each table, and the snapshot of each run."""
    pinned = pins(paths)
    with Lake.open(paths, read_only=True) as lake:
        sizes = table_sizes(lake)
        removable = expirable(lake, pinned.values())
        snapshots = {snapshot.snapshot_id: snapshot for snapshot in list_snapshots(lake)}
        changed = foreign_changes(lake)
    totals = {
        "n_snapshots": len(snapshots), "n_pinned": len(set(pinned.values()) & snapshots.keys()), "n_tables": len(sizes),
        "n_files": sum(size.n_files for size in sizes), "n_bytes": sum(size.n_bytes for size in sizes),
        "n_snapshots_expirable": removable.n_snapshots, "n_files_expirable": removable.n_files,
        "n_bytes_expirable": removable.n_bytes,
    }  # fmt: skip
    runs = [
        {
            "run_id": run_id, "snapshot_id": snapshot,
            "committed_at": snapshots[snapshot].committed_at if snapshot in snapshots else None,
        }
        for run_id, snapshot in sorted(pinned.items(), key=lambda item: -item[1])
    ]  # fmt: skip
    schema = {"run_id": pl.String, "snapshot_id": pl.Int64, "committed_at": pl.Datetime}
    frames = {
        "Lake": pl.DataFrame([totals]),
        "Tables": pl.DataFrame([asdict(size) for size in sizes]),
        "Pinned snapshots": pl.DataFrame(runs, schema=schema),
    }
    return {**frames, "Changed by other programs": _changes(changed)} if changed else frames


def _changes(changes: Sequence[ForeignChange]) -> pl.DataFrame:
    rows = [asdict(change) for change in changes]
    return pl.DataFrame(rows, schema={"table": pl.String, "snapshot_id": pl.Int64})


def maintain(paths: Paths, task: str, *, older_than: timedelta, folder: Path | None) -> pl.DataFrame:
    """Perform one task on the lake and return its report, a row for each table or snapshot that it names.

    `folder` is where `backup` writes to, and where `restore` reads from.

    Raises
    ------
    UsageError
        The task is not known, or `restore` is not given a folder.
    LockedError
        `expire` while a run is under way.
    """
    before = datetime.now(UTC).replace(tzinfo=None) - older_than
    tasks: dict[str, Callable[[], pl.DataFrame]] = {
        "snapshots": lambda: _snapshots(paths),
        "verify-counts": lambda: pl.DataFrame([asdict(count) for count in commands.verify_counts(paths)]),
        "compact": lambda: _as_row(commands.compact(paths)),
        "expire": lambda: _expire(paths, before),
        "backup": lambda: _as_row(commands.backup(paths, folder)),
        "restore": lambda: _restore(paths, folder),
        "create": lambda: pl.DataFrame({"snapshot_id": [commands.create(paths)]}),
        "migrate": lambda: _as_row(commands.migrate(paths)),
        "acknowledge": lambda: _acknowledge(paths),
    }
    if task not in tasks:
        raise UsageError(f"lake {task!r} is no task of the lake; there are {', '.join(tasks)}")
    return tasks[task]()


def _snapshots(paths: Paths) -> pl.DataFrame:
    with Lake.open(paths, read_only=True) as lake:
        rows = [
            {"snapshot_id": s.snapshot_id, "committed_at": s.committed_at, "author": s.author, "run_id": s.run_id,
             "step": s.step, "message": s.message, "tables": ", ".join(s.tables)}
            for s in list_snapshots(lake)
        ]  # fmt: skip
    return pl.DataFrame(rows)


def _expire(paths: Paths, before: datetime) -> pl.DataFrame:
    """Expire old snapshots while no run is under way: a run relies on the snapshots of its own steps."""
    with run_lock(paths, "expiring snapshots"):
        return _as_row(commands.expire(paths, keep=pinned_snapshots(paths), older_than=before))


def _restore(paths: Paths, folder: Path | None) -> pl.DataFrame:
    if folder is None:
        raise UsageError("lake restore needs the folder of the backup: --from FOLDER")
    return pl.DataFrame({"snapshot_id": [commands.restore(paths, folder)]})


def _acknowledge(paths: Paths) -> pl.DataFrame:
    """Take the tables that another program changed for right; returns them."""
    with Lake.open(paths, create=False) as lake:
        changes = foreign_changes(lake)
        acknowledge_changes(lake)
    return _changes(changes)


def _as_row(report: object) -> pl.DataFrame:
    row = {name: str(value) for name, value in asdict(report).items()}  # type: ignore[call-overload]  # all are dataclasses
    return pl.DataFrame([row])
