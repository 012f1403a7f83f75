"""The one way by which rows enter the lake (lake.md 3-6).

A step's writes are one transaction with one commit message, retried as a whole; afterwards the rows are counted.
"""

# ruff: noqa: S608 (names come from contracts and checked table names, values are parameters)
from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, assert_never

import duckdb
import polars as pl
import stamina
from filelock import FileLock, Timeout

from lakehouse.catalog import Lake, contract_of, quoted
from lakehouse.contracts import TableContract
from lakehouse.counts import verify_counts
from lakehouse.errors import ContractError, LockHeldError, WriteConflictError
from lakehouse.frames import collapse_exact_duplicates, describe_key, hold_to_contract, require_unique
from lakehouse.paths import Paths, check_run_id
from lakehouse.snapshots import find_commit

AUTHOR = "lakefolio"
ATTEMPTS = 12
LOCK_SECONDS = 300.0


def is_contention(error: BaseException) -> bool:
    """Say whether an error means that others wrote at the same time, so that a new transaction may succeed."""
    if isinstance(error, duckdb.TransactionException):
        return True
    words = ("database is locked", "conflict", "could not serialize", "deadlock detected", "schema has been modified")
    return isinstance(error, duckdb.Error) and any(word in str(error).lower() for word in words)


_retry = stamina.RetryingCaller(attempts=ATTEMPTS, timeout=None, wait_initial=0.05, wait_max=2.0, wait_jitter=0.5).on(
    is_contention
)

Mode = Literal["append", "replace_run", "upsert", "replace_where", "delete"]


@dataclass(frozen=True, slots=True)
class Write:
    """What is to happen to one table.

    Attributes
    ----------
    mode : str
        `append`: insert; a key that already stands is refused. `replace_run`: delete the run's rows, restricted to
        those that equal `keys`, then insert. `upsert`: by the grain and by difference: rows that are new or changed in
        a column that is not volatile are written, `kept` columns of a standing key stay as they are.
        `replace_where`: delete what `where` matches, then insert. `delete`: the frame holds the grain's columns, and
        rows of these keys are deleted.
    keys : mapping
        Further equalities of `replace_run`, such as `{"stage": "full"}`.
    where, params
        Condition of `replace_where`, with `?` for each parameter; a list serves `in (select unnest(?))`.
    skip_unchanged : bool
        For the two replaces: leave the table alone when it already holds the same rows but for volatile columns.
    """

    table: str
    frame: pl.DataFrame
    mode: Mode = "append"
    keys: Mapping[str, object] = field(default_factory=dict)
    where: str = ""
    params: Sequence[object] = ()
    skip_unchanged: bool = False


@dataclass(frozen=True, slots=True)
class WriteReceipt:
    """What landed: the snapshot, the rows inserted and the rows deleted (a changed row is both) per table."""

    snapshot_id: int
    rows: dict[str, int]
    deleted: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Prepared:
    write: Write
    contract: TableContract
    frame: pl.DataFrame


def _prepare(write: Write, run_id: str) -> _Prepared:
    contract = contract_of(write.table)
    if write.mode == "delete":
        keys = TableContract(
            contract.schema, contract.name, tuple(c for c in contract.columns if c.name in contract.grain)
        )
        if not contract.grain:
            raise ContractError(write.table, "has no grain, so rows cannot be deleted by key; use replace_where")
        return _Prepared(write, contract, hold_to_contract(write.frame, keys).unique())
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
    return _Prepared(write, contract, frame)


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


def _count(connection: duckdb.DuckDBPyConnection, sql: str, params: Sequence[object] = ()) -> int:
    row = connection.execute(sql, list(params)).fetchone()
    return int(row[0]) if row else 0


def _same_key(contract: TableContract, left: str, right: str) -> str:
    # A nullable grain column still keys its row, so equality must hold between nulls.
    return " and ".join(f'{left}."{name}" is not distinct from {right}."{name}"' for name in contract.grain)


def _refuse_standing_keys(connection: duckdb.DuckDBPyConnection, item: _Prepared) -> None:
    contract = item.contract
    if not contract.grain:
        return
    found = connection.execute(
        f"select {quoted(contract.grain, 'batch.')} from batch where exists "
        f"(select 1 from lake.{contract.qualified_name} as held where {_same_key(contract, 'held', 'batch')}) limit 1"
    ).pl()
    if found.height:
        raise ContractError(
            contract.qualified_name,
            f"the key already stands ({item.write.mode} adds keys, it does not change them)",
            key=describe_key(found, contract.grain, 0),
        )


def _insert(connection: duckdb.DuckDBPyConnection, item: _Prepared) -> int:
    names = quoted(item.contract.names)
    return _count(connection, f"insert into lake.{item.contract.qualified_name} ({names}) select {names} from batch")


def _is_unchanged(
    connection: duckdb.DuckDBPyConnection, item: _Prepared, condition: str, params: Sequence[object]
) -> bool:
    names = quoted(item.contract.hashed_columns)
    held = f"select {names} from lake.{item.contract.qualified_name} where {condition}"
    new = f"select {names} from batch"
    changed = f"select count(*) from ((({held}) except all ({new})) union all (({new}) except all ({held})))"
    return _count(connection, changed, [*params, *params]) == 0


def _replace(
    connection: duckdb.DuckDBPyConnection, item: _Prepared, condition: str, params: Sequence[object]
) -> tuple[int, int]:
    if item.write.skip_unchanged and _is_unchanged(connection, item, condition, params):
        return 0, 0
    deleted = _count(connection, f"delete from lake.{item.contract.qualified_name} where {condition}", params)
    _refuse_standing_keys(connection, item)
    return _insert(connection, item), deleted


def _upsert(connection: duckdb.DuckDBPyConnection, item: _Prepared) -> tuple[int, int]:
    """Write the difference between the batch and the table; returns rows inserted and deleted."""
    contract = item.contract
    said = [name for name in contract.hashed_columns if name not in contract.grain]
    differs = " or ".join(f'held."{name}" is distinct from batch."{name}"' for name in said) or "false"
    kept = {column.name for column in contract.columns if column.kept}
    values = ", ".join(
        f'coalesce(held."{name}", batch."{name}") as "{name}"' if name in kept else f'batch."{name}"'
        for name in contract.names
    )
    table = f"lake.{contract.qualified_name}"
    connection.execute(
        f"create or replace temp table changed as select {values}, held.rowid is not null as stands_already "
        f"from batch left join {table} as held on {_same_key(contract, 'held', 'batch')} "
        f"where held.rowid is null or {differs}"
    )
    deleted = 0
    if _count(connection, "select count(*) from changed where stands_already"):
        deleted = _count(
            connection,
            f"delete from {table} as held using changed "
            f"where stands_already and {_same_key(contract, 'held', 'changed')}",
        )
    inserted = 0
    if _count(connection, "select count(*) from changed"):
        names = quoted(contract.names)
        inserted = _count(connection, f"insert into {table} ({names}) select {names} from changed")
    connection.execute("drop table changed")
    return inserted, deleted


def _apply(connection: duckdb.DuckDBPyConnection, item: _Prepared, run_id: str) -> tuple[int, int]:
    """Do one write inside the open transaction; returns rows inserted and deleted."""
    mode = item.write.mode
    match mode:
        case "append":
            _refuse_standing_keys(connection, item)
            return _insert(connection, item), 0
        case "replace_run":
            equal = {"run_id": run_id, **item.write.keys}
            condition = " and ".join(f'"{name}" is not distinct from ?' for name in equal)
            return _replace(connection, item, condition, list(equal.values()))
        case "replace_where":
            return _replace(connection, item, f"({item.write.where})", item.write.params)
        case "upsert":
            return _upsert(connection, item)
        case "delete":
            held = f"lake.{item.contract.qualified_name}"
            return 0, _count(
                connection, f"delete from {held} as held using batch where {_same_key(item.contract, 'held', 'batch')}"
            )
        case _:
            assert_never(mode)


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


def _transact(lake: Lake, items: Sequence[_Prepared], message: tuple[str, str], run_id: str) -> WriteReceipt:
    """Run all writes in one transaction, once."""
    connection = lake.connection
    inserted: dict[str, int] = {}
    deleted: dict[str, int] = {}
    connection.execute("begin")
    try:
        for item in items:
            connection.register("batch", item.frame.to_arrow())
            more, fewer = _apply(connection, item, run_id)
            connection.unregister("batch")
            table = item.write.table
            inserted[table] = inserted.get(table, 0) + more
            deleted[table] = deleted.get(table, 0) + fewer
        connection.execute(f"call ducklake_set_commit_message('lake', '{AUTHOR}', ?, extra_info => ?)", list(message))
        connection.execute("commit")
    except BaseException:
        _roll_back(connection)
        raise
    if any(inserted.values()) or any(deleted.values()):
        last = connection.execute("select id from lake.last_committed_snapshot()").fetchone()
        return WriteReceipt(int(last[0]) if last else lake.snapshot_id(), inserted, deleted)
    return WriteReceipt(lake.snapshot_id(), inserted, deleted)


def _roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    try:
        connection.execute("rollback")
    except duckdb.TransactionException:
        return  # a commit that failed has already ended its transaction


def _message(items: Sequence[_Prepared], run_id: str, step: str, extra: Mapping[str, Any] | None) -> tuple[str, str]:
    tables = sorted({item.write.table for item in items})
    info = {**(extra or {}), "run": run_id, "step": step, "tables": tables, "token": uuid.uuid4().hex}
    return f"{run_id} {step}", json.dumps(info, sort_keys=True)


def _attempt(lake: Lake, items: Sequence[_Prepared], message: tuple[str, str], run_id: str, step: str) -> WriteReceipt:
    """Run the transaction once; a failed commit that landed all the same is a commit (lake.md 4)."""
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
    ContractError
        Before anything is written, for a frame that does not hold to its contract.
    LockHeldError
        When another writer kept a table's lock too long.
    WriteConflictError
        When locks or conflicts outlasted all attempts; nothing was written.
    LakeDamagedError
        When, after the commit, a table's rows and its metadata disagree.
    """
    check_run_id(run_id)
    asked = [writes] if isinstance(writes, Write) else list(writes)
    items = [_prepare(item, run_id) for item in asked]
    tables = sorted({item.write.table for item in items})
    message = _message(items, run_id, step, extra)
    receipt: WriteReceipt
    with _table_locks(lake.paths, tables):
        try:
            receipt = _retry(_attempt, lake, items, message, run_id, step)
        except duckdb.Error as error:
            if not is_contention(error):
                raise
            raise WriteConflictError(
                f"step {step} of {run_id} could not commit to {', '.join(tables)} in {ATTEMPTS} attempts; "
                f"nothing was written, and the last answer was: {error}"
            ) from error
    verify_counts(lake, tables)
    return receipt


__all__ = ["Mode", "Write", "WriteReceipt", "find_commit", "is_contention", "verify_counts", "write"]
