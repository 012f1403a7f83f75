"""Only errors of concurrent writers are retried."""

from __future__ import annotations

import duckdb
import pytest

from lakehouse.connection.retries import is_contention


@pytest.mark.parametrize("message", ["no such file", "Constraint Error: NOT NULL constraint failed", "syntax error"])
def test_other_errors_are_not_contention(message: str) -> None:
    assert not is_contention(duckdb.IOException(message))
    assert is_contention(duckdb.IOException(f"{message}: database is locked"))
    assert not is_contention(ValueError("database is locked"))
