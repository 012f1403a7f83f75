# ruff: noqa: S608 (table names come from the catalog itself)
"""Commit a snapshot without the tables that hold the run in scope, so that keeping it for years costs little.

See docs/decisions/0011-bounded-growth.md.
"""

from __future__ import annotations

from contextlib import ExitStack

import duckdb

from lakehouse.connection.catalog import Lake
from lakehouse.connection.retries import retrying
from lakehouse.dbt.runner import DBT_LOCK, LOCK_SECONDS
from lakehouse.storage.locks import table_locks
from lakehouse.storage.writes import AUTHOR

MARTS_OF_RUN_IN_SCOPE = ("marts.candidates_replayed", "marts.returns_matrix")
"""Marts that are replaced by every run, as the tables of `intermediate` are."""

_retry = retrying()


def commit_lean_snapshot(lake: Lake, run_id: str) -> int:
    """Commit a snapshot in which the tables of the run in scope are empty, then fill them again from the one before.

    Every replaced row of a snapshot that is kept is kept on disk too. These tables are replaced several times a run and
    are never read at an old snapshot.

    Returns
    -------
    int
        Id of the lean snapshot; the newest one where these tables are empty already.

    Raises
    ------
    LockHeldError
        When dbt works on this lake.
    """
    with table_locks(lake.paths, {DBT_LOCK}, seconds=LOCK_SECONDS):
        before = lake.snapshot_id()
        tables = _filled_tables(lake)
        if not tables:
            return before
        _retry(_commit, lake, [f"delete from lake.{table}" for table in tables], f"{run_id} pin")
        lean = lake.snapshot_id()
        restored = [f"insert into lake.{table} from lake.{table} at (version => {before})" for table in tables]
        _retry(_commit, lake, restored, f"{run_id} scope")
        return lean


def _filled_tables(lake: Lake) -> list[str]:
    """List the tables of the run in scope that have rows."""
    found = lake.rows(
        "select schema_name || '.' || table_name from duckdb_tables() where database_name = 'lake' and "
        "(schema_name = 'intermediate' or schema_name || '.' || table_name in ?) order by 1",
        [list(MARTS_OF_RUN_IN_SCOPE)],
    )
    return [table for (table,) in found if lake.rows(f"select exists (from lake.{table})")[0][0]]


def _commit(lake: Lake, statements: list[str], message: str) -> None:
    connection = lake.connection
    connection.execute("begin")
    with ExitStack() as undo:
        undo.callback(_roll_back, connection)
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"call ducklake_set_commit_message('lake', '{AUTHOR}', ?)", [message])
        connection.execute("commit")
        undo.pop_all()


def _roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    try:
        connection.execute("rollback")
    except duckdb.TransactionException:
        return  # a failed commit has already ended the transaction
