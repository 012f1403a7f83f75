"""Build the report models over a run in an in-memory DuckDB, and read them as a report does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from jinja2 import Environment, StrictUndefined

from lakehouse.schema.tables import CONTRACTS
from reports.reader import ReportTables
from tests.reports.run_frames import RUN_ID, run_frames

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "dbt_project" / "models" / "reports"
PROVENANCE: dict[str, Any] = {
    "code_revision": "0123abc",
    "seed": 42,
    "packages": {"duckdb": "1.5.5", "polars": "2.1.0", "numpy": "2.4.0", "cvxpy": "1.9.0"},
    "snapshots": {"optimize": 22, "tournament": 24},
    "notes": ["The whole market of this run is simulated."],
}


class MemoryLake:
    """The lake's `query` over an in-memory DuckDB."""

    def __init__(self) -> None:
        self.connection = duckdb.connect(config={"memory_limit": "1GB", "threads": 1})
        for schema in ("raw", "scope", "results", "marts", "reports"):
            self.connection.execute(f"create schema {schema}")
        for contract in CONTRACTS.values():
            self.connection.execute(f"create table {contract.qualified_name} ({contract.ddl})")

    def query(self, sql: str, params: Sequence[object] | None = None) -> pl.DataFrame:
        return self.connection.execute(sql, params).pl()


def put(connection: duckdb.DuckDBPyConnection, frames: dict[str, pl.DataFrame]) -> None:
    """Insert the frames; a mart is a table of its frame's own columns."""
    for name, frame in frames.items():
        connection.register("incoming", frame)
        if name.startswith("marts."):
            connection.execute(f"create table {name} as from incoming")
        else:
            connection.execute(f"insert into {name} by name from incoming")
        connection.unregister("incoming")


def build_models(connection: duckdb.DuckDBPyConnection) -> None:
    """Create each report model as a view, those that read no other report model first."""
    environment = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701 (SQL, not HTML)
    models = {path.stem: path.read_text(encoding="utf-8") for path in sorted(MODELS.rglob("rpt_*.sql"))}
    for name in sorted(models, key=lambda name: ("ref('rpt_" in models[name], name)):
        sql = environment.from_string(models[name]).render(
            source=lambda schema, table: f"{schema}.{table}",
            ref=lambda model: f"reports.{model}" if model.startswith("rpt_") else f"marts.{model}",
        )
        connection.execute(f"create view reports.{name} as {sql}")


@pytest.fixture(scope="session")
def lake() -> MemoryLake:
    """A lake that holds the demo run and, beside it, a second run of a real source."""
    lake = MemoryLake()
    put(lake.connection, run_frames())
    other = run_frames("other-run", is_simulated=False)
    put(lake.connection, {name: frame for name, frame in other.items() if name.startswith(("results.", "scope."))})
    build_models(lake.connection)
    return lake


@pytest.fixture(scope="session")
def tables(lake: MemoryLake) -> ReportTables:
    return ReportTables.load(lake, RUN_ID)


@pytest.fixture
def provenance() -> dict[str, Any]:
    return dict(PROVENANCE)


@pytest.fixture
def with_cell(tables: ReportTables) -> Callable[[str, str, object], dict[str, pl.DataFrame]]:
    """The tables with one column of the first row of one of them set to a value."""

    def change(table: str, column: str, value: object) -> dict[str, pl.DataFrame]:
        frame = tables[table]
        changed = pl.Series(column, [value, *frame[column].to_list()[1:]], dtype=frame.schema[column])
        return dict(tables) | {table: frame.with_columns(changed)}

    return change
