"""Start each maintenance task in its own process and wait for its report.

See docs/lake.md#5.

The tasks themselves are in `lakehouse.maintenance.tasks`. They hold the locks of all tables, so no writer runs meanwhile.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Collection
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import datetime, timedelta
from pathlib import Path
from typing import ParamSpec, TypeVar

from lakehouse.errors import MaintenanceError
from lakehouse.maintenance import migration, routine, tasks
from lakehouse.maintenance.migration import MigrationReport
from lakehouse.maintenance.routine import Limits, MaintenanceReport
from lakehouse.maintenance.tasks import BackupReport, CompactReport, ExpireReport
from lakehouse.paths import Paths
from lakehouse.storage.row_counts import TableCount

# A reader may still have files open that were just replaced.
GRACE = timedelta(days=1)

_P = ParamSpec("_P")
_R = TypeVar("_R")


def _in_own_process(task: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """Run a task in a new process; an error that it raises is raised here."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        try:
            return pool.submit(task, *args, **kwargs).result()
        except BrokenProcessPool as error:
            raise MaintenanceError(
                f"the process of {task.__name__} ended without a report; the lake is unchanged since its last commit. "
                "Run `lakefolio lake verify-counts`, then try again"
            ) from error


def compact(paths: Paths) -> CompactReport:
    """Write inlined rows to files, apply deletions and merge small files; every snapshot reads as before.

    Raises
    ------
    LockHeldError
        When another process writes to the lake.
    LakeDamagedError
        When a table is damaged, before or after compaction.
    """
    return _in_own_process(tasks.compact, paths)


def expire(
    paths: Paths, keep: Collection[int], older_than: datetime, *, grace: timedelta = GRACE, dry_run: bool = False
) -> ExpireReport:
    """Expire old snapshots and delete the files that only they needed.

    Parameters
    ----------
    keep : collection of int
        Snapshot ids that are never expired, such as those that a ledger pins. The newest one stays in any case.
    older_than : datetime
        Naive UTC; snapshots committed at or after this time stay.
    grace : timedelta
        Minimum age of unreferenced files that are deleted.
    dry_run : bool
        Report which snapshots would expire, and change nothing.

    Raises
    ------
    LockHeldError
        When another process writes to the lake.
    """
    return _in_own_process(tasks.expire, paths, frozenset(keep), older_than, grace, dry_run)


def maintain(
    paths: Paths, keep: Collection[int], limits: Limits, *, grace: timedelta = GRACE, lock_seconds: float = 0.0
) -> MaintenanceReport:
    """Expire snapshots, merge small files of the tables with many, and delete old files.

    Parameters
    ----------
    keep : collection of int
        Snapshot ids that are never expired. The newest one stays in any case.
    grace : timedelta
        Minimum age of unreferenced files that are deleted.
    lock_seconds : float
        Seconds to wait for other processes that write.

    Raises
    ------
    LockHeldError
        When another process writes to the lake.
    """
    return _in_own_process(routine.maintain, paths, frozenset(keep), limits, grace, lock_seconds)


def backup(paths: Paths, destination: Path | None = None) -> BackupReport:
    """Copy catalog and data files to a new folder, then open the copy and count its rows.

    Raises
    ------
    MaintenanceError
        When the folder is not empty, or the lake is not stored on this machine.
    LakeDamagedError
        When the copy is damaged; it is removed again.
    """
    return _in_own_process(tasks.backup, paths, destination)


def restore(paths: Paths, source: Path) -> int:
    """Restore a backup into a home without a lake; returns its newest snapshot id.

    Data files that lost their catalog are set aside, in a folder beside.

    Raises
    ------
    MaintenanceError
        When the home already has a lake, or the folder holds no backup.
    """
    return _in_own_process(tasks.restore, paths, source)


def create(paths: Paths) -> int:
    """Create an empty lake where an earlier one lost its catalog, and set its data files aside; returns the snapshot id.

    Raises
    ------
    MaintenanceError
        When the home has a lake.
    """
    return _in_own_process(tasks.create, paths)


def migrate(paths: Paths) -> MigrationReport:
    """Bring a lake of an older layout to that of this code; raw tables and results stay as they are.

    Raises
    ------
    LakeVersionError
        When the lake is newer than this code.
    MaintenanceError
        When a table differs from both layouts; nothing was changed.
    """
    return _in_own_process(migration.migrate, paths)


def verify_counts(paths: Paths) -> list[TableCount]:
    """Compare the rows of every table with the metadata and check that every file of the catalog exists.

    Raises
    ------
    LakeDamagedError
        Naming each damaged table and each missing file.
    """
    return _in_own_process(tasks.verify, paths)
