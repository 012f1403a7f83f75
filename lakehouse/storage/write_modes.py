# ruff: noqa: S608 (names come from contracts, values are parameters)
"""Apply one write to its table: append, replace, upsert or delete.

`lakehouse.storage.writes` opens the transaction and registers the frame as `batch`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, assert_never

import duckdb
import polars as pl

from lakehouse.connection.catalog import quoted
from lakehouse.errors import ContractError
from lakehouse.schema.contracts import TableContract
from lakehouse.storage.frame_checks import describe_key

Mode = Literal["append", "replace_run", "upsert", "replace_where", "delete"]


@dataclass(frozen=True, slots=True)
class Write:
    """Frame to be written to one table, and the mode of writing.

    Attributes
    ----------
    mode : str
        `append`: insert; an existing key is refused. `replace_run`: delete the rows of the run that equal `keys`, then
        insert. `upsert`: write rows whose key is new, or that differ in a column that is not volatile; `kept` columns
        of an existing key do not change. `replace_where`: delete the rows that match `where`, then insert. `delete`:
        the frame has the columns of the grain, and the rows with these keys are deleted.
    keys : mapping
        Further conditions of `replace_run`, such as `{"stage": "full"}`.
    where, params
        Condition of `replace_where`, with `?` for each parameter; a list serves `in (select unnest(?))`.
    skip_unchanged : bool
        For both replace modes: leave the table unchanged when it has the same rows apart from volatile columns.
    """

    table: str
    frame: pl.DataFrame
    mode: Mode = "append"
    keys: Mapping[str, object] = field(default_factory=dict)
    where: str = ""
    params: Sequence[object] = ()
    skip_unchanged: bool = False


@dataclass(frozen=True, slots=True)
class PreparedWrite:
    """A write whose frame satisfies its contract."""

    write: Write
    contract: TableContract
    frame: pl.DataFrame


def _count(connection: duckdb.DuckDBPyConnection, sql: str, params: Sequence[object] = ()) -> int:
    row = connection.execute(sql, list(params)).fetchone()
    return int(row[0]) if row else 0


def _same_key(contract: TableContract, left: str, right: str) -> str:
    # A grain column may be null, so nulls must compare as equal.
    return " and ".join(f'{left}."{name}" is not distinct from {right}."{name}"' for name in contract.grain)


def _refuse_existing_keys(connection: duckdb.DuckDBPyConnection, item: PreparedWrite) -> None:
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
            f"the key already exists, and {item.write.mode} only adds keys; use upsert to change rows",
            key=describe_key(found, contract.grain, 0),
        )


def _insert(connection: duckdb.DuckDBPyConnection, item: PreparedWrite) -> int:
    names = quoted(item.contract.names)
    return _count(connection, f"insert into lake.{item.contract.qualified_name} ({names}) select {names} from batch")


def _is_unchanged(
    connection: duckdb.DuckDBPyConnection, item: PreparedWrite, condition: str, params: Sequence[object]
) -> bool:
    names = quoted(item.contract.hashed_columns)
    held = f"select {names} from lake.{item.contract.qualified_name} where {condition}"
    new = f"select {names} from batch"
    changed = f"select count(*) from ((({held}) except all ({new})) union all (({new}) except all ({held})))"
    return _count(connection, changed, [*params, *params]) == 0


def _replace(
    connection: duckdb.DuckDBPyConnection, item: PreparedWrite, condition: str, params: Sequence[object]
) -> tuple[int, int]:
    if item.write.skip_unchanged and _is_unchanged(connection, item, condition, params):
        return 0, 0
    deleted = _count(connection, f"delete from lake.{item.contract.qualified_name} where {condition}", params)
    _refuse_existing_keys(connection, item)
    return _insert(connection, item), deleted


def _upsert(connection: duckdb.DuckDBPyConnection, item: PreparedWrite) -> tuple[int, int]:
    """Write new and changed rows of the batch; returns the numbers of rows inserted and deleted."""
    contract = item.contract
    compared = [name for name in contract.hashed_columns if name not in contract.grain]
    differs = " or ".join(f'held."{name}" is distinct from batch."{name}"' for name in compared) or "false"
    kept = {column.name for column in contract.columns if column.kept}
    values = ", ".join(
        f'coalesce(held."{name}", batch."{name}") as "{name}"' if name in kept else f'batch."{name}"'
        for name in contract.names
    )
    table = f"lake.{contract.qualified_name}"
    connection.execute(
        f"create or replace temp table changed as select {values}, held.rowid is not null as is_known "
        f"from batch left join {table} as held on {_same_key(contract, 'held', 'batch')} "
        f"where held.rowid is null or {differs}"
    )
    deleted = 0
    if _count(connection, "select count(*) from changed where is_known"):
        deleted = _count(
            connection,
            f"delete from {table} as held using changed where is_known and {_same_key(contract, 'held', 'changed')}",
        )
    inserted = 0
    if _count(connection, "select count(*) from changed"):
        names = quoted(contract.names)
        inserted = _count(connection, f"insert into {table} ({names}) select {names} from changed")
    connection.execute("drop table changed")
    return inserted, deleted


def apply(connection: duckdb.DuckDBPyConnection, item: PreparedWrite, run_id: str) -> tuple[int, int]:
    """Apply one write in the open transaction; returns the numbers of rows inserted and deleted."""
    mode = item.write.mode
    match mode:
        case "append":
            _refuse_existing_keys(connection, item)
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
