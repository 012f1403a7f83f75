"""Write frames to the lake in one transaction, and count the rows afterwards.

See docs/lake.md#3 to 6.

All writes of a step share one commit message, and the transaction is retried as a whole.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import duckdb
import polars as pl

from lakehouse.connection.catalog import Lake, contract_of
from lakehouse.connection.retries import ATTEMPTS, is_contention, retrying
from lakehouse.errors import ContractError, LakeDamagedError, ReadOnlyLakeError, WriteConflictError
from lakehouse.paths import check_run_id
from lakehouse.schema.contracts import TableContract
from lakehouse.storage.frame_checks import check_contract, collapse_exact_duplicates, describe_key, require_unique
from lakehouse.storage.locks import table_locks
from lakehouse.storage.row_counts import verify_counts
from lakehouse.storage.snapshots import find_commit
from lakehouse.storage.write_modes import Mode, PreparedWrite, Write, apply

AUTHOR = "lakefolio"
LOCK_SECONDS = 300.0

_retry = retrying()


@dataclass(frozen=True, slots=True)
class WriteReceipt:
    """Committed snapshot with the rows inserted and deleted per table; a changed row counts as both."""

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
        return PreparedWrite(write, contract, check_contract(write.frame, keys).unique())
    frame = check_contract(write.frame, contract)
    if write.mode == "upsert":
        if not contract.grain:
            raise ContractError(write.table, "has no grain, so there is nothing to upsert by; use append")
        frame = collapse_exact_duplicates(frame, contract)
    else:
        require_unique(frame, contract)
    if write.mode == "replace_run":
        _require_run(frame, write, contract, run_id)
    if write.mode == "replace_where" and not write.where:
        raise ContractError(write.table, "replace_where without a condition would replace all rows; give `where`")
    return PreparedWrite(write, contract, frame)


def _require_run(frame: pl.DataFrame, write: Write, contract: TableContract, run_id: str) -> None:
    """Refuse rows that a later `replace_run` of the same run would not delete."""
    for name, value in {"run_id": run_id, **write.keys}.items():
        if name not in contract.names:
            raise ContractError(write.table, "replace_run needs this column and the contract has none", column=name)
        is_other = frame.select(pl.col(name).ne_missing(pl.lit(value))).to_series()
        if is_other.any():
            row = is_other.arg_max() or 0
            raise ContractError(
                write.table,
                f"is {frame[name][row]!r}, but this write replaces {value!r}",
                column=name,
                key=describe_key(frame, contract.grain, row),
            )


def _transact(lake: Lake, items: Sequence[PreparedWrite], message: tuple[str, str], run_id: str) -> WriteReceipt:
    """Run all writes in one transaction."""
    connection = lake.connection
    inserted: dict[str, int] = {}
    deleted: dict[str, int] = {}
    connection.execute("begin")
    with ExitStack() as undo:
        undo.callback(_roll_back, connection)
        for item in items:
            connection.register("batch", item.frame.to_arrow())
            n_inserted, n_deleted = apply(connection, item, run_id)
            connection.unregister("batch")
            table = item.write.table
            inserted[table] = inserted.get(table, 0) + n_inserted
            deleted[table] = deleted.get(table, 0) + n_deleted
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
        return  # a failed commit has already ended the transaction


def _message(
    items: Sequence[PreparedWrite], run_id: str, step: str, extra: Mapping[str, Any] | None
) -> tuple[str, str]:
    tables = sorted({item.write.table for item in items})
    info = {**(extra or {}), "run": run_id, "step": step, "tables": tables, "token": uuid.uuid4().hex}
    return f"{run_id} {step}", json.dumps(info, sort_keys=True)


def _attempt(
    lake: Lake, items: Sequence[PreparedWrite], message: tuple[str, str], run_id: str, step: str
) -> WriteReceipt:
    """Run the transaction once; an error after a successful commit is no failure.

    See docs/lake.md#4.
    """
    try:
        return _transact(lake, items, message, run_id)
    except duckdb.Error:
        committed = find_commit(lake, run_id, step, token=json.loads(message[1])["token"])
        if committed is None:
            raise
        return WriteReceipt(committed, {item.write.table: item.frame.height for item in items}, {})


def write(
    lake: Lake,
    writes: Write | Sequence[Write],
    *,
    run_id: str,
    step: str,
    extra: Mapping[str, Any] | None = None,
) -> WriteReceipt:
    """Write frames to their tables in one transaction: all of them or none.

    Parameters
    ----------
    run_id, step : str
        Recorded in the commit: message `run_id step`, and JSON {run, step, tables, token, ...extra}.

    Returns
    -------
    WriteReceipt
        The committed snapshot. Writes without a change create none, and the receipt holds the newest one.

    Raises
    ------
    ReadOnlyLakeError
        When the lake was opened for reading.
    ContractError
        For a frame that violates its contract, before anything is written.
    LockHeldError
        When another writer held the lock of a table for too long.
    WriteConflictError
        When all attempts failed on locks or conflicts; nothing was written.
    LakeDamagedError
        When a data file cannot be read or written (nothing was committed), or when the rows of a table differ from its
        metadata after the commit.
    """
    check_run_id(run_id)
    if lake.is_read_only:
        raise ReadOnlyLakeError(
            f"step {step} of {run_id} cannot write: this lake was opened for reading; open it without read_only"
        )
    requested = [writes] if isinstance(writes, Write) else list(writes)
    lake.before_write(sorted({item.table for item in requested}))
    items = [_prepare(item, run_id) for item in requested]
    tables = sorted({item.write.table for item in items})
    message = _message(items, run_id, step, extra)
    receipt: WriteReceipt
    with table_locks(lake.paths, tables, seconds=LOCK_SECONDS):
        try:
            receipt = _retry(_attempt, lake, items, message, run_id, step)
        except duckdb.Error as error:
            if isinstance(error, duckdb.IOException) and not is_contention(error):
                raise LakeDamagedError(
                    f"step {step} of {run_id} wrote nothing, since a file of {', '.join(tables)} cannot be read or written: "
                    f"{error}. Run `lakefolio lake verify-counts`, and check disk space and permissions"
                ) from error
            if not is_contention(error):
                raise
            raise WriteConflictError(
                f"step {step} of {run_id} could not commit to {', '.join(tables)} in {ATTEMPTS} attempts; "
                f"nothing was written. Last error: {error}"
            ) from error
    verify_counts(lake, tables)
    return receipt


__all__ = ["Mode", "Write", "WriteReceipt", "write"]
