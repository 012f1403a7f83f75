"""Hold the advisory locks of tables, so that writers and maintenance take turns.

See docs/lake.md#3.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager

from filelock import FileLock, Timeout

from lakehouse.errors import LockHeldError
from lakehouse.paths import Paths


@contextmanager
def table_locks(paths: Paths, tables: Collection[str], *, seconds: float) -> Iterator[None]:
    """Hold the locks of tables, taken in order of name to prevent deadlocks.

    Raises
    ------
    LockHeldError
        When another process holds one of the locks for more than `seconds`.
    """
    paths.locks.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        for table in sorted(set(tables)):
            try:
                stack.enter_context(FileLock(paths.table_lock(table), timeout=seconds))
            except Timeout as error:
                raise LockHeldError(
                    f"another process has locked {table} for {seconds:.0f} s ({paths.table_lock(table)}): "
                    "try again when it has ended, or end it if it hangs"
                ) from error
        yield
