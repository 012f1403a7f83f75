"""Table locks exclude other holders, and are released together."""

from __future__ import annotations

import pytest
from filelock import FileLock

from lakehouse.errors import LockHeldError
from lakehouse.paths import Paths
from lakehouse.storage.locks import table_locks


def test_a_lock_that_another_holds_is_named_and_the_others_are_released(paths: Paths) -> None:
    with table_locks(paths, ["raw.scans"], seconds=0.1):
        with (
            pytest.raises(LockHeldError, match=r"locked raw\.scans"),
            table_locks(paths, ["raw.scans", "raw.bars"], seconds=0.1),
        ):
            pytest.fail("the lock was taken twice")
        FileLock(paths.table_lock("raw.bars"), timeout=0).acquire().lock.release()
    with table_locks(paths, ["raw.scans", "raw.bars"], seconds=0.1):
        pass
