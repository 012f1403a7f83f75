"""Read all report tables of one run and check them against their declarations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import polars as pl

from reports.errors import IncompleteReportError
from reports.tables.declarations import SCHEMA, ReportTable
from reports.tables.index import TABLES

_REBUILD = "run `dbt build --select reports` and render again"


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
        for table in TABLES.values():
            _check(table, self.frames.get(table.name))
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
        for table in TABLES.values():
            if table.name not in columns:
                raise IncompleteReportError(table.name, f"the model is not in schema `{SCHEMA}`; {_REBUILD}")
            _check_columns(table, columns[table.name])
            frames[table.name] = lake.query(_select(table), [run_id])
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


def _select(table: ReportTable) -> str:
    columns = ", ".join(f'"{name}"' for name in table.columns)
    # All names are constants of reports.tables; the run is a parameter.
    return f"select {columns} from {table.qualified_name} where run_id = ? order by {table.order}"  # noqa: S608


def _check_columns(table: ReportTable, present: set[str]) -> None:
    missing = [name for name in table.columns if name not in present]
    if missing:
        raise IncompleteReportError(table.name, f"column {', '.join(missing)} is missing; {_REBUILD}")


def _check(table: ReportTable, frame: pl.DataFrame | None) -> None:
    if frame is None:
        raise IncompleteReportError(table.name, f"the table was not read; {_REBUILD}")
    _check_columns(table, set(frame.columns))
    misfits = table.misfits(frame)
    if misfits:
        mismatches = ", ".join(f"{name} {table.columns[name]} (is {frame.schema[name]})" for name in misfits)
        raise IncompleteReportError(table.name, f"column types differ from the declaration: {mismatches}")
    if frame.is_empty() and not table.may_be_empty:
        raise IncompleteReportError(
            table.name, f"no row for this run: its step wrote nothing, or the model is outdated; {_REBUILD}"
        )
    if table.name in {"rpt_summary", "rpt_regime"} and frame.height != 1:
        raise IncompleteReportError(table.name, f"expected one row, found {frame.height}")
