"""Hold a step to its declaration: the tables it may read and write, and the artifacts it may publish.

See docs/architecture.md#run.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import duckdb
import polars as pl

from lakefolio.errors import UndeclaredAccessError
from lakehouse.connection.catalog import Lake
from lakehouse.dbt.runner import DbtNode


@dataclass(slots=True)
class StepAccess:
    """The tables and artifacts that one step may use, and those that it has used so far.

    Attributes
    ----------
    inputs, outputs
        Names `schema.table`, `schema.table:stage`, or `schema.*` for a whole schema. A step may read its outputs too.
    artifacts
        Patterns of files in the run folder that it may publish.
    reads, writes
        Tables used so far.
    """

    step: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    artifacts: tuple[str, ...]
    reads: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)

    def read(self, tables: Iterable[str]) -> None:
        """Note that tables are read.

        Raises
        ------
        UndeclaredAccessError
            One of them is neither an input nor an output of the step.
        """
        for table in tables:
            if not is_declared(table, (*self.inputs, *self.outputs)):
                raise UndeclaredAccessError(
                    f"step {self.step!r} reads {table}, which is not among its inputs: declare it in pipeline/sequence.py"
                )
            self.reads.add(table)

    def write(self, tables: Iterable[str]) -> None:
        """Note that tables are written.

        Raises
        ------
        UndeclaredAccessError
            One of them is no output of the step.
        """
        for table in tables:
            if not is_declared(table, self.outputs):
                raise UndeclaredAccessError(
                    f"step {self.step!r} writes {table}, which is not among its outputs: declare it in pipeline/sequence.py"
                )
            self.writes.add(table)

    def build(self, nodes: Sequence[DbtNode]) -> None:
        """Note the models that dbt built, and the tables that these read; a view reads when it is read itself."""
        for node in nodes:
            if node.relation:
                self.write([node.relation])
            if not node.is_view:
                self.read(node.reads)

    def publish(self, name: str) -> None:
        """Note that an artifact is written.

        Raises
        ------
        UndeclaredAccessError
            Its name fits no declared pattern.
        """
        if not any(fnmatch.fnmatch(name, pattern) for pattern in self.artifacts):
            raise UndeclaredAccessError(
                f"step {self.step!r} writes the file {name}, which is not among its artifacts: declare it in "
                "pipeline/sequence.py"
            )


class StepLake(Lake):
    """The lake as one step sees it: every statement and every write is held to the step's declaration."""

    def __init__(self, lake: Lake, access: StepAccess) -> None:
        super().__init__(lake.connection, lake.paths, read_only=lake.is_read_only)
        self._access = access

    def query(self, sql: str, params: Sequence[object] | None = None) -> pl.DataFrame:
        """Read as a frame; see `Lake.query`."""
        self._access.read(self._tables_below(tables_of(self.connection, sql)))
        return super().query(sql, params)

    def rows(self, sql: str, params: Sequence[object] | None = None) -> list[tuple[Any, ...]]:
        """Read as tuples; see `Lake.rows`."""
        self._access.read(self._tables_below(tables_of(self.connection, sql)))
        return super().rows(sql, params)

    def _tables_below(self, names: Iterable[str]) -> set[str]:
        """Add to tables and views the tables and views that the views read."""
        found, left = set[str](), set(names)
        while left:
            name = left.pop()
            found.add(name)
            definition = super().rows(
                "select substr(sql, strpos(sql, ' AS ') + 4) from duckdb_views() where database_name = 'lake' "
                "and schema_name = ? and view_name = ?",
                name.split("."),
            )
            left |= {table for (text,) in definition for table in tables_of(self.connection, text)} - found
        return found

    def before_write(self, tables: Sequence[str]) -> None:
        """Refuse a table that is no output of the step."""
        self._access.write(tables)


def is_declared(table: str, names: Iterable[str]) -> bool:
    """Tell whether `schema.table` is one of the names, whatever their stage, or lies in a schema that is declared whole."""
    schema = table.partition(".")[0]
    return any(name.partition(":")[0] in (table, f"{schema}.*") for name in names)


def tables_of(connection: duckdb.DuckDBPyConnection, sql: str) -> frozenset[str]:
    """Tables and views that a query names, as `schema.table`; what is no query names none."""
    return _tables_in(_parsed(connection, sql))


def _parsed(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    row = connection.execute("select json_serialize_sql(?::varchar)", [sql]).fetchone()
    return str(row[0]) if row else "{}"


@lru_cache(maxsize=512)
def _tables_in(serialized: str) -> frozenset[str]:
    return frozenset(_base_tables(json.loads(serialized)))


def _base_tables(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if node.get("type") == "BASE_TABLE" and node.get("schema_name") not in ("", "information_schema", None):
            yield f"{node['schema_name']}.{node['table_name']}"
        for inner in node.values():
            yield from _base_tables(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _base_tables(inner)
