"""Read all report tables of one run and check them against their declarations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import polars as pl

from lakehouse.dbt.declarations import ModelDeclaration, declared_models
from reports.errors import IncompleteReportError
from reports.tables.printed import SCHEMA

_REBUILD = "run `dbt build --select reports` and render again"
_POLARS_TYPES: Mapping[str, tuple[type[pl.DataType], ...]] = {
    "varchar": (pl.String, pl.Categorical, pl.Enum),
    "double": (pl.Float64, pl.Float32),
    "bigint": (pl.Int64, pl.Int32, pl.Int16, pl.Int8, pl.UInt64, pl.UInt32, pl.UInt16, pl.UInt8),
    "boolean": (pl.Boolean,),
    "date": (pl.Date,),
    "timestamp": (pl.Datetime,),
}
"""Types of a frame that fit a declared type."""


def report_models() -> Mapping[str, ModelDeclaration]:
    """Return every `rpt_*` model by name, as dbt's YAML declares it."""
    return declared_models(SCHEMA)


def misfits(model: ModelDeclaration, frame: pl.DataFrame) -> tuple[str, ...]:
    """List the columns whose type in the frame does not fit the declaration."""
    return tuple(
        column.name
        for column in model.columns.values()
        if frame.schema[column.name] != pl.Null
        and not isinstance(frame.schema[column.name], _POLARS_TYPES[column.type])
    )


class Queryable(Protocol):
    """A lake that can be queried."""

    def query(self, sql: str, params: Sequence[Any] | None = None) -> pl.DataFrame:
        """Return the rows of a read-only statement."""
        ...


@dataclass(frozen=True, slots=True)
class ReportTables(Mapping[str, pl.DataFrame]):
    """The `rpt_*` tables of one run, each checked against its declaration.

    Parameters
    ----------
    frames : mapping of str to polars.DataFrame
        Table name to its rows, in printing order.

    Raises
    ------
    IncompleteReportError
        If a declared table is missing, lacks a column, has a column of another type, or is empty although it must not be.
    """

    frames: Mapping[str, pl.DataFrame]

    def __post_init__(self) -> None:
        for model in report_models().values():
            _check(model, self.frames.get(model.name))
        runs = {run for frame in self.frames.values() for run in frame.get_column("run_id").unique()}
        if len(runs) != 1:
            raise IncompleteReportError("rpt_summary", f"the tables must hold one run, and hold {sorted(runs)}")

    @classmethod
    def load(cls, lake: Queryable, run_id: str) -> ReportTables:
        """Read every declared table of a run, in printing order.

        Raises
        ------
        IncompleteReportError
            As for the class; a model that was not built counts as missing.
        """
        found = lake.query(
            "select table_name, column_name from information_schema.columns where table_schema = ?", [SCHEMA]
        )
        columns: dict[str, set[str]] = {}
        for name, column in found.iter_rows():
            columns.setdefault(name, set()).add(column)
        frames: dict[str, pl.DataFrame] = {}
        for model in report_models().values():
            if model.name not in columns:
                raise IncompleteReportError(model.name, f"the model is not in schema `{SCHEMA}`; {_REBUILD}")
            _check_columns(model, columns[model.name])
            frames[model.name] = lake.query(_select(model), [run_id])
        return cls(frames)

    @property
    def run_id(self) -> str:
        """Run that these tables describe."""
        return str(self.frames["rpt_summary"].item(0, "run_id"))

    def __getitem__(self, name: str) -> pl.DataFrame:
        return self.frames[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.frames)

    def __len__(self) -> int:
        return len(self.frames)


def _select(model: ModelDeclaration) -> str:
    columns = ", ".join(f'"{name}"' for name in model.columns)
    # All names are those of dbt's YAML; the run is a parameter.
    return f"select {columns} from {model.qualified_name} where run_id = ? order by {model.order_by}"  # noqa: S608


def _check_columns(model: ModelDeclaration, present: set[str]) -> None:
    missing = [name for name in model.columns if name not in present]
    if missing:
        raise IncompleteReportError(model.name, f"column {', '.join(missing)} is missing; {_REBUILD}")


def _check(model: ModelDeclaration, frame: pl.DataFrame | None) -> None:
    if frame is None:
        raise IncompleteReportError(model.name, f"the table was not read; {_REBUILD}")
    _check_columns(model, set(frame.columns))
    mismatches = [f"{name} {model.columns[name].type} (is {frame.schema[name]})" for name in misfits(model, frame)]
    if mismatches:
        raise IncompleteReportError(model.name, f"column types differ from the declaration: {', '.join(mismatches)}")
    if frame.is_empty() and not model.may_be_empty:
        raise IncompleteReportError(
            model.name, f"no row for this run: its step wrote nothing, or the model is outdated; {_REBUILD}"
        )
    if model.name in {"rpt_summary", "rpt_regime"} and frame.height != 1:
        raise IncompleteReportError(model.name, f"expected one row, found {frame.height}")
