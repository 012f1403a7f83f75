"""Declare a `rpt_*` table by its name, grain, columns and order."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

SCHEMA = "reports"
TEXT, FLOAT, INT = "VARCHAR", "DOUBLE", "BIGINT"
FLAG, DATE, TIME = "BOOLEAN", "DATE", "TIMESTAMP"

_FAMILIES: dict[str, tuple[type[pl.DataType], ...]] = {
    TEXT: (pl.String, pl.Categorical, pl.Enum),
    FLOAT: (pl.Float64, pl.Float32),
    INT: (pl.Int64, pl.Int32, pl.Int16, pl.Int8, pl.UInt64, pl.UInt32, pl.UInt16, pl.UInt8),
    FLAG: (pl.Boolean,),
    DATE: (pl.Date,),
    TIME: (pl.Datetime,),
}


@dataclass(frozen=True, slots=True)
class ReportTable:
    """One `rpt_*` table.

    Parameters
    ----------
    name : str
        Model name, `rpt_*`.
    grain : tuple of str
        Columns that make a row unique; the first is always `run_id`.
    columns : dict of str to str
        Column name to DuckDB type.
    order : str
        SQL of `order by`; rows are printed in this order.
    may_be_empty : bool
        True when a run may have no row (no gap, no order, no barbell).
    """

    name: str
    grain: tuple[str, ...]
    columns: dict[str, str]
    order: str
    may_be_empty: bool = False

    @property
    def qualified_name(self) -> str:
        """`schema.table`, as SQL inside the lake names it."""
        return f"{SCHEMA}.{self.name}"

    def misfits(self, frame: pl.DataFrame) -> tuple[str, ...]:
        """List the columns whose type in the frame does not fit the declaration."""
        return tuple(
            name
            for name, kind in self.columns.items()
            if frame.schema[name] != pl.Null and not isinstance(frame.schema[name], _FAMILIES[kind])
        )


def columns(**names_by_type: str) -> dict[str, str]:
    """Return columns and their types, the names of each type given as one text."""
    types = {"text": TEXT, "real": FLOAT, "whole": INT, "flag": FLAG, "date": DATE, "time": TIME}
    return {name: types[kind] for kind, names in names_by_type.items() for name in names.split()}


def table(name: str, grain: str, order: str, columns: dict[str, str], *, may_be_empty: bool = False) -> ReportTable:
    """Return a declaration, its grain given as one text of names."""
    return ReportTable(f"rpt_{name}", tuple(grain.split()), columns, order, may_be_empty)
