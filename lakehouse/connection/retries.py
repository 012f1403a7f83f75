"""What it looks like when somebody else was faster, and how to try again.

See docs/lake.md#3.
"""

from __future__ import annotations

import duckdb
import stamina

ATTEMPTS = 12

# What DuckDB, SQLite and PostgreSQL say when others write at the same time.
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
    """Say whether an error means that others wrote at the same time, so that a new attempt may succeed."""
    return isinstance(error, duckdb.Error) and any(words in str(error).lower() for words in _CONTENTION)


def retrying(attempts: int = ATTEMPTS) -> stamina.BoundRetryingCaller:
    """Make a caller that meets contention with a new attempt after a jittered wait."""
    caller = stamina.RetryingCaller(attempts=attempts, timeout=None, wait_initial=0.05, wait_max=2.0, wait_jitter=0.5)
    return caller.on(is_contention)
