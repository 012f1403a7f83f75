# ruff: noqa: S608 (names come from contracts, values are parameters)
"""The SQL of each way of writing, run inside a transaction that `lakehouse.storage.writes` has opened.

The frame to be written stands registered as `batch`.
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
class PreparedWrite:
    """A write whose frame was held to its contract."""

    write: Write
    contract: TableContract
    frame: pl.DataFrame


def _count(connection: duckdb.DuckDBPyConnection, sql: str, params: Sequence[object] = ()) -> int:
    row = connection.execute(sql, list(params)).fetchone()
    return int(row[0]) if row else 0


def _same_key(contract: TableContract, left: str, right: str) -> str:
    # A nullable grain column still keys its row, so equality must hold between nulls.
    return " and ".join(f'{left}."{name}" is not distinct from {right}."{name}"' for name in contract.grain)


def _refuse_standing_keys(connection: duckdb.DuckDBPyConnection, item: PreparedWrite) -> None:
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
    _refuse_standing_keys(connection, item)
    return _insert(connection, item), deleted


def _upsert(connection: duckdb.DuckDBPyConnection, item: PreparedWrite) -> tuple[int, int]:
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


def apply(connection: duckdb.DuckDBPyConnection, item: PreparedWrite, run_id: str) -> tuple[int, int]:
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
