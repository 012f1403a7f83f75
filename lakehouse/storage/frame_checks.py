"""Check a frame against the contract of its table before it is written."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from lakehouse.errors import ContractError
from lakehouse.schema.contracts import Column, TableContract

_TYPES: dict[str, pl.DataType] = {
    "VARCHAR": pl.String(),
    "DATE": pl.Date(),
    "TIMESTAMP": pl.Datetime("us"),
    "DOUBLE": pl.Float64(),
    "BIGINT": pl.Int64(),
    "BOOLEAN": pl.Boolean(),
}
# Types that cast to the contract's type without loss.
_WIDENINGS: dict[str, tuple[pl.DataType, ...]] = {
    "VARCHAR": (pl.Categorical(),),
    "TIMESTAMP": (pl.Datetime("ms"),),
    "DOUBLE": (pl.Float32(),),
    "BIGINT": (pl.Int8(), pl.Int16(), pl.Int32(), pl.UInt8(), pl.UInt16(), pl.UInt32()),
}


def describe_key(frame: pl.DataFrame, columns: Sequence[str], row: int) -> str:
    """Format the key of a row as `symbol=NASDAQ:AAPL, session_date=2024-01-02`; without columns, the row number."""
    if not columns:
        return f"row {row}"
    return ", ".join(f"{name}={frame[name][row]}" for name in columns)


def _checked_column(frame: pl.DataFrame, contract: TableContract, column: Column) -> pl.Series:
    series = frame.get_column(column.name)
    expected = _TYPES[column.type]
    if series.dtype != expected:
        if series.dtype != pl.Null and series.dtype not in _WIDENINGS.get(column.type, ()):
            hint = " (timestamps in the lake are naive UTC)" if column.type == "TIMESTAMP" else ""
            raise ContractError(
                contract.qualified_name,
                f"has type {series.dtype}, the contract says {column.type}, which is {expected}{hint}; cast it",
                column=column.name,
            )
        series = series.cast(expected)
    if not column.nullable and series.null_count():
        row = series.is_null().arg_max()
        known = [name for name in contract.grain if name in frame.columns and name != column.name]
        raise ContractError(
            contract.qualified_name,
            f"{series.null_count()} of {series.len()} values are null and the contract allows none",
            column=column.name,
            key=describe_key(frame, known, row or 0),
        )
    return series


def check_contract(frame: pl.DataFrame, contract: TableContract) -> pl.DataFrame:
    """Return the frame with the columns of the contract, in its order and types.

    Raises
    ------
    ContractError
        For a missing or unknown column, a type that does not cast without loss, or a null in a required column; the
        message names table, column and the first key concerned.
    """
    table = contract.qualified_name
    for name in contract.names:
        if name not in frame.columns:
            raise ContractError(table, f"the frame lacks this column; it has {sorted(frame.columns)}", column=name)
    for name in frame.columns:
        if name not in contract.names:
            raise ContractError(table, f"the contract has no such column; it has {sorted(contract.names)}", column=name)
    return pl.DataFrame([_checked_column(frame, contract, column) for column in contract.columns])


def require_unique(frame: pl.DataFrame, contract: TableContract) -> None:
    """Refuse a frame in which two rows share the grain; `ContractError` names the first such key."""
    if not contract.grain or frame.is_empty():
        return
    repeated = frame.select(contract.grain).is_duplicated()
    if repeated.any():
        row = repeated.arg_max() or 0
        raise ContractError(
            contract.qualified_name,
            f"{int(repeated.sum())} rows share a key of the grain ({', '.join(contract.grain)})",
            key=describe_key(frame, contract.grain, row),
        )


def collapse_exact_duplicates(frame: pl.DataFrame, contract: TableContract) -> pl.DataFrame:
    """Keep one of several rows that are equal in all columns that are not volatile, then require unique keys.

    Rows of one key with other differences are a conflict and raise `ContractError`.
    """
    if not contract.grain:
        return frame
    compared = list(dict.fromkeys([*contract.grain, *contract.hashed_columns]))
    collapsed = frame.unique(subset=compared, keep="last", maintain_order=True)
    require_unique(collapsed, contract)
    return collapsed
