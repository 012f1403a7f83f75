"""Housekeeping of the lake: each command in a process of its own, while nobody writes.

See docs/lake.md#5.

The public functions start that process and wait; what they run is `lakehouse/_upkeep.py`.
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
from lakehouse.maintenance import tasks as _upkeep
from lakehouse.maintenance.tasks import BackupReport, CompactReport, ExpireReport
from lakehouse.paths import Paths
from lakehouse.storage.row_counts import TableCount

# A reader may still hold files that were replaced a moment ago.
GRACE = timedelta(days=1)

_P = ParamSpec("_P")
_R = TypeVar("_R")


def _in_own_process(command: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """Call in a fresh process; its error is raised here."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        try:
            return pool.submit(command, *args, **kwargs).result()
        except BrokenProcessPool as error:
            raise MaintenanceError(
                f"the process of {command.__name__} died; the lake is as its last commit left it: "
                "run verify_counts, then try again"
            ) from error


def compact(paths: Paths) -> CompactReport:
    """Write inlined rows out, apply deletions to their files and merge small files; every snapshot reads as before.

    Raises
    ------
    LockHeldError
        When somebody writes.
    LakeDamagedError
        When a table is not whole, before or after.
    """
    return _in_own_process(_upkeep.compact, paths)


def expire(
    paths: Paths, keep: Collection[int], older_than: datetime, *, grace: timedelta = GRACE, dry_run: bool = False
) -> ExpireReport:
    """Forget snapshots and delete the files that only they needed.

    Parameters
    ----------
    keep : collection of int
        Snapshot ids that stay. Those that any run's ledger names, and the newest one, stay in any case.
    older_than : datetime
        Naive UTC; a snapshot committed at or after it stays.
    grace : timedelta
        Age at which files that nothing refers to are deleted.
    dry_run : bool
        Only report what would be forgotten.

    Raises
    ------
    MaintenanceError
        When a ledger cannot be read, since it may name any snapshot.
    LockHeldError
        When somebody writes.
    """
    return _in_own_process(_upkeep.expire, paths, frozenset(keep), older_than, grace, dry_run)


def backup(paths: Paths, destination: Path | None = None) -> BackupReport:
    """Copy catalog and data files to a new folder, and prove the copy by opening and counting it.

    Raises
    ------
    MaintenanceError
        When the folder is not empty, or the lake does not lie on this machine's disk.
    LakeDamagedError
        When the copy is not whole; it is removed again.
    """
    return _in_own_process(_upkeep.backup, paths, destination)


def restore(paths: Paths, source: Path) -> int:
    """Bring a backup back into a home that has no lake; returns its newest snapshot.

    Raises
    ------
    MaintenanceError
        When the home already has a lake, or the folder holds no backup.
    """
    return _in_own_process(_upkeep.restore, paths, source)


def relocate(paths: Paths) -> str:
    """Tell the catalog where its data lie now, after home or data folder were moved; returns the former path."""
    return _in_own_process(_upkeep.relocate, paths)


def verify_counts(paths: Paths) -> list[TableCount]:
    """Read every column of every table, count against the metadata, and look for every file the catalog names.

    Raises
    ------
    LakeDamagedError
        Naming each table and file that is not whole.
    """
    return _in_own_process(_upkeep.verify, paths)
