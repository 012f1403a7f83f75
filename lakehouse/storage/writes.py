"""The one way by which rows enter the lake.

See docs/lake.md#3 to 6.

A step's writes are one transaction with one commit message, retried as a whole; afterwards the rows are counted.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
import polars as pl
from filelock import FileLock, Timeout

from lakehouse.connection.catalog import Lake, contract_of
from lakehouse.connection.retries import ATTEMPTS, is_contention, retrying
from lakehouse.errors import ContractError, LakeDamagedError, LockHeldError, ReadOnlyLakeError, WriteConflictError
from lakehouse.paths import Paths, check_run_id
from lakehouse.schema.contracts import TableContract
from lakehouse.storage.frame_checks import collapse_exact_duplicates, describe_key, hold_to_contract, require_unique
from lakehouse.storage.row_counts import verify_counts
from lakehouse.storage.snapshots import find_commit
from lakehouse.storage.write_modes import Mode, PreparedWrite, Write, apply

AUTHOR = "lakefolio"
LOCK_SECONDS = 300.0


_retry = retrying()


@dataclass(frozen=True, slots=True)
class WriteReceipt:
    """What landed: the snapshot, the rows inserted and the rows deleted (a changed row is both) per table."""

    snapshot_id: int
    rows: dict[str, int]
    deleted: dict[str, int]


def _prepare(write: Write, run_id: str) -> PreparedWrite:
    contract = contract_of(write.table)
    if write.mode == "delete":
        keys = TableContract(
            contract.schema, contract.name, tuple(c for c in contract.columns if c.name in contract.grain)
        )
        if not contract.grain:
            raise ContractError(write.table, "has no grain, so rows cannot be deleted by key; use replace_where")
        return PreparedWrite(write, contract, hold_to_contract(write.frame, keys).unique())
    frame = hold_to_contract(write.frame, contract)
    if write.mode == "upsert":
        if not contract.grain:
            raise ContractError(write.table, "has no grain, so there is nothing to upsert by; use append")
        frame = collapse_exact_duplicates(frame, contract)
    else:
        require_unique(frame, contract)
    if write.mode == "replace_run":
        _require_run(frame, write, contract, run_id)
    if write.mode == "replace_where" and not write.where:
        raise ContractError(write.table, "replace_where without a condition would replace the whole table")
    return PreparedWrite(write, contract, frame)


def _require_run(frame: pl.DataFrame, write: Write, contract: TableContract, run_id: str) -> None:
    """Refuse rows that the delete of `replace_run` would not find the next time."""
    for name, value in {"run_id": run_id, **write.keys}.items():
        if name not in contract.names:
            raise ContractError(write.table, "replace_run needs this column and the contract has none", column=name)
        strangers = frame.select(pl.col(name).ne_missing(pl.lit(value))).to_series()
        if strangers.any():
            row = strangers.arg_max() or 0
            raise ContractError(
                write.table,
                f"is {frame[name][row]!r} where this write replaces {value!r}",
                column=name,
                key=describe_key(frame, contract.grain, row),
            )


@contextmanager
def _table_locks(paths: Paths, tables: Sequence[str]) -> Iterator[None]:
    """Hold the advisory locks of the tables, taken in order of name so that two writers never wait for each other."""
    paths.locks.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        for table in sorted(set(tables)):
            try:
                stack.enter_context(FileLock(paths.table_lock(table), timeout=LOCK_SECONDS))
            except Timeout as error:
                raise LockHeldError(
                    f"table {table} was locked by another writer for {LOCK_SECONDS:.0f} s ({paths.table_lock(table)}): "
                    "wait for it, or look for a process that hangs"
                ) from error
        yield


def _transact(lake: Lake, items: Sequence[PreparedWrite], message: tuple[str, str], run_id: str) -> WriteReceipt:
    """Run all writes in one transaction, once."""
    connection = lake.connection
    inserted: dict[str, int] = {}
    deleted: dict[str, int] = {}
    connection.execute("begin")
    with ExitStack() as undo:
        undo.callback(_roll_back, connection)
        for item in items:
            connection.register("batch", item.frame.to_arrow())
            more, fewer = apply(connection, item, run_id)
            connection.unregister("batch")
            table = item.write.table
            inserted[table] = inserted.get(table, 0) + more
            deleted[table] = deleted.get(table, 0) + fewer
        connection.execute(f"call ducklake_set_commit_message('lake', '{AUTHOR}', ?, extra_info => ?)", list(message))
        connection.execute("commit")
        undo.pop_all()
    if any(inserted.values()) or any(deleted.values()):
        last = connection.execute("select id from lake.last_committed_snapshot()").fetchone()
        return WriteReceipt(int(last[0]) if last else lake.snapshot_id(), inserted, deleted)
    return WriteReceipt(lake.snapshot_id(), inserted, deleted)


def _roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    try:
        connection.execute("rollback")
    except duckdb.TransactionException:
        return  # a commit that failed has already ended its transaction


def _message(
    items: Sequence[PreparedWrite], run_id: str, step: str, extra: Mapping[str, Any] | None
) -> tuple[str, str]:
    tables = sorted({item.write.table for item in items})
    info = {**(extra or {}), "run": run_id, "step": step, "tables": tables, "token": uuid.uuid4().hex}
    return f"{run_id} {step}", json.dumps(info, sort_keys=True)


def _attempt(
    lake: Lake, items: Sequence[PreparedWrite], message: tuple[str, str], run_id: str, step: str
) -> WriteReceipt:
    """Run the transaction once; a failed commit that landed all the same is a commit.

    See docs/lake.md#4.
    """
    try:
        return _transact(lake, items, message, run_id)
    except duckdb.Error:
        landed = find_commit(lake, run_id, step, token=json.loads(message[1])["token"])
        if landed is None:
            raise
        return WriteReceipt(landed, {item.write.table: item.frame.height for item in items}, {})


def write(
    lake: Lake,
    writes: Write | Sequence[Write],
    *,
    run_id: str,
    step: str,
    extra: Mapping[str, Any] | None = None,
) -> WriteReceipt:
    """Write frames to their tables: all of them in one transaction, or none.

    Parameters
    ----------
    run_id, step : str
        They name the commit: message `run_id step`, and JSON {run, step, tables, token, ...extra}.

    Returns
    -------
    WriteReceipt
        The snapshot committed. Writes that change nothing make no snapshot, and the receipt holds the newest one.

    Raises
    ------
    ReadOnlyLakeError
        When the lake was opened for reading.
    ContractError
        Before anything is written, for a frame that does not hold to its contract.
    LockHeldError
        When another writer kept a table's lock too long.
    WriteConflictError
        When locks or conflicts outlasted all attempts; nothing was written.
    LakeDamagedError
        When a data file cannot be read or written (nothing was committed), or when, after the commit, a table's rows
        and its metadata disagree.
    """
    check_run_id(run_id)
    if lake.is_read_only:
        raise ReadOnlyLakeError(f"step {step} of {run_id} writes, and this lake was opened for reading: open another")
    asked = [writes] if isinstance(writes, Write) else list(writes)
    lake.before_write(sorted({item.table for item in asked}))
    items = [_prepare(item, run_id) for item in asked]
    tables = sorted({item.write.table for item in items})
    message = _message(items, run_id, step, extra)
    receipt: WriteReceipt
    with _table_locks(lake.paths, tables):
        try:
            receipt = _retry(_attempt, lake, items, message, run_id, step)
        except duckdb.Error as error:
            if isinstance(error, duckdb.IOException) and not is_contention(error):
                raise LakeDamagedError(
                    f"step {step} of {run_id} met a file of {', '.join(tables)} that cannot be read or written, and "
                    f"wrote nothing: {error}. Verify the lake's counts, and look at disk and permissions"
                ) from error
            if not is_contention(error):
                raise
            raise WriteConflictError(
                f"step {step} of {run_id} could not commit to {', '.join(tables)} in {ATTEMPTS} attempts; "
                f"nothing was written, and the last answer was: {error}"
            ) from error
    verify_counts(lake, tables)
    return receipt


__all__ = ["Mode", "Write", "WriteReceipt", "find_commit", "is_contention", "verify_counts", "write"]
