"""Recognise errors caused by concurrent writers, and retry after them.

See docs/lake.md#3.
"""

from __future__ import annotations

import duckdb
import stamina

ATTEMPTS = 12

# Messages of DuckDB, SQLite and PostgreSQL for concurrent writes.
_CONTENTION = (
    "database is locked",
    "conflict",
    "could not serialize",
    "deadlock detected",
    "unique constraint failed",
    "duplicate key value",
    "retry count",
)


def is_contention(error: BaseException) -> bool:
    """Return True for an error that concurrent writers caused, so that a new attempt may succeed."""
    return isinstance(error, duckdb.Error) and any(phrase in str(error).lower() for phrase in _CONTENTION)


def retrying(attempts: int = ATTEMPTS) -> stamina.BoundRetryingCaller:
    """Return a caller that retries after contention, with a jittered wait between attempts."""
    caller = stamina.RetryingCaller(attempts=attempts, timeout=None, wait_initial=0.05, wait_max=2.0, wait_jitter=0.5)
    return caller.on(is_contention)
