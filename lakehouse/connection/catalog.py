"""Open the lake: one DuckDB connection with the DuckLake catalog attached as `lake`.

See docs/architecture.md#lake, docs/lake.md.
"""

# ruff: noqa: S608 (names come from contracts and checked table names, values are parameters)
from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import polars as pl
from filelock import FileLock

from lakehouse.connection.creation import lost_catalog, remains
from lakehouse.connection.extensions import load_extensions
from lakehouse.connection.layout import check_data_path, check_layout, record_layout
from lakehouse.connection.retries import retrying
from lakehouse.errors import LakehouseError, LakeMismatchError, LakeMissingError, UnknownTableError
from lakehouse.paths import Paths
from lakehouse.schema.contracts import TableContract
from lakehouse.schema.tables import CONTRACTS

SCHEMAS = ("raw", "scope", "staging", "intermediate", "marts", "results", "reports")
BUSY_TIMEOUT_MS = 5000
MAX_RETRY_COUNT = 30

_TABLE_NAME = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class LakeSettings:
    """Memory, threads and temporary folder that DuckDB may use."""

    memory_limit: str = "4GiB"
    threads: int | None = None
    temp_directory: Path | None = None


def literal(text: str) -> str:
    """Quote a text as an SQL literal, where a parameter is not allowed."""
    return "'" + text.replace("'", "''") + "'"


def quoted(names: Sequence[str], prefix: str = "") -> str:
    """Join column names for SQL, each in double quotes and preceded by `prefix`."""
    return ", ".join(f'{prefix}"{name}"' for name in names)


def connect(paths: Paths, settings: LakeSettings) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB that loads extensions only from this home."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "extension_directory": str(paths.extensions),
        "autoinstall_known_extensions": False,
        "memory_limit": settings.memory_limit,
        "temp_directory": str(settings.temp_directory or paths.root / "data" / "tmp"),
    }
    if settings.threads is not None:
        config["threads"] = settings.threads
    with ExitStack() as undo:
        connection = undo.enter_context(duckdb.connect(":memory:", config=config))
        connection.execute("set timezone = 'UTC'")
        load_extensions(connection, paths)
        connection.execute(f"set ducklake_max_retry_count = {MAX_RETRY_COUNT}")
        # With DuckLake's default backoff of 1.5 thirty retries take hours; with 1.2 they take a minute.
        connection.execute("set ducklake_retry_backoff = 1.2")
        connection.execute("set ducklake_retry_wait_ms = 50")
        undo.pop_all()
    return connection


def attach(connection: duckdb.DuckDBPyConnection, paths: Paths, *, read_only: bool, create: bool) -> None:
    """Attach the catalog as `lake`, with the data folder of the home wherever the catalog was copied from."""
    options = ["READ_ONLY"] if read_only else []
    options += [f"DATA_PATH {literal(paths.data)}", "OVERRIDE_DATA_PATH true", f"CREATE_IF_NOT_EXISTS {create}"]
    if paths.catalog_kind == "sqlite":
        # A read-only attach cannot set the journal mode; the file keeps WAL from its creation.
        options += [] if read_only else ["META_JOURNAL_MODE 'WAL'"]
        options.append(f"META_BUSY_TIMEOUT {BUSY_TIMEOUT_MS}")
    connection.execute(f"attach {literal('ducklake:' + paths.catalog)} as lake ({', '.join(options)})")


class Lake:
    """An open lake. Use `Lake.open` as a context manager; one thread writes per process.

    See docs/lake.md#1.

    A `Lake` and dbt, or several `Lake`s, may be open in one process: each has its own DuckDB, and they share only the
    catalog, as separate processes do.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, paths: Paths, *, read_only: bool) -> None:
        self.connection = connection
        self.paths = paths
        self.is_read_only = read_only

    @classmethod
    def open(
        cls,
        paths: Paths,
        *,
        settings: LakeSettings | None = None,
        read_only: bool = False,
        create: bool = True,
        anew: bool = False,
    ) -> Lake:
        """Open the lake of a home; create it with its schemas and contract tables the first time.

        Parameters
        ----------
        read_only : bool
            Attach for reading; nothing is created.
        create : bool
            Create the lake when it does not exist.
        anew : bool
            Create it also beside data files, ledgers or accepted portfolios of an earlier one.

        Raises
        ------
        LakeMissingError
            When there is no lake and it may not be created, or when a catalog is missing beside the remains of a lake.
        LakeMismatchError
            When the catalog records another data path, or a table differs from its contract.
        LakeVersionError
            When the lake has another layout.
        ExtensionMissingError
            When a DuckDB extension is not installed.
        """
        file = paths.catalog_file
        if file is not None and not file.exists() and (read_only or not create):
            if remains(paths):
                raise lost_catalog(paths)
            raise LakeMissingError(
                f"there is no lake at {file}: start a run, or set LAKEFOLIO_HOME to the home that holds one"
            )
        lake = cls(connect(paths, settings or LakeSettings()), paths, read_only=read_only)
        with ExitStack() as undo:
            undo.callback(lake.close)
            if read_only:
                lake._attach(create=False)
                check_layout(lake.connection)
            else:
                lake._prepare(anew=anew)
            undo.pop_all()
        return lake

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; open results become invalid."""
        self.connection.close()

    def _attach(self, *, create: bool) -> None:
        try:
            retrying()(attach, self.connection, self.paths, read_only=self.is_read_only, create=create)
        except duckdb.Error as error:
            if "creating a new DuckLake is explicitly disabled" in str(error) and remains(self.paths):
                raise lost_catalog(self.paths) from None
            if self.paths.catalog_file is None:
                # The attach target may contain a password, so neither it nor DuckDB's message is shown.
                raise LakeMissingError(
                    f"the {self.paths.catalog_kind} catalog could not be attached: check LAKEFOLIO_CATALOG"
                ) from None
            raise LakeMissingError(f"{self.paths.catalog_file} could not be attached as a catalog: {error}") from error
        check_data_path(self.connection, self.paths, read_only=self.is_read_only)
        self.connection.execute("use lake")

    def _prepare(self, *, anew: bool) -> None:
        """Attach for writing; create missing tables under a lock, so that two processes do not create them at once."""
        self.paths.locks.mkdir(parents=True, exist_ok=True)
        if self.paths.catalog_file is not None:
            self.paths.catalog_file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.paths.locks / "create.lock"):
            may_create = anew or not remains(self.paths)
            self._attach(create=may_create)
            columns = self._columns()
            if not columns and not may_create:
                raise lost_catalog(self.paths)
            check_layout(self.connection)
            missing = [contract for contract in CONTRACTS.values() if not _matches(contract, columns)]
            if missing:
                self.create_tables(missing)
            record_layout(self.connection)

    def create_tables(self, contracts: Sequence[TableContract]) -> None:
        """Create the schemas of the lake and the tables of these contracts in one commit."""
        self.connection.execute("begin")
        for schema in SCHEMAS:
            self.connection.execute(f"create schema if not exists lake.{schema}")
        for contract in contracts:
            self.connection.execute(f"create table lake.{contract.qualified_name} ({contract.ddl})")
        self.connection.execute("call ducklake_set_commit_message('lake', 'lakefolio', 'create contract tables')")
        self.connection.execute("commit")
        self.connection.execute("call lake.set_option('parquet_compression', 'zstd')")

    def _columns(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for schema, table, column, kind in self.rows(
            "select schema_name, table_name, column_name, data_type from duckdb_columns() where database_name = 'lake'"
        ):
            found.setdefault(f"{schema}.{table}", {})[column] = kind
        return found

    def query(self, sql: str, params: Sequence[object] | None = None) -> pl.DataFrame:
        """Run one trusted statement and return its rows as a frame. SQL of a user goes through `user_query`."""
        frame = self.connection.execute(sql, params).pl()
        if not isinstance(frame, pl.DataFrame):
            raise LakehouseError("the statement returned no frame")
        return frame

    def rows(self, sql: str, params: Sequence[object] | None = None) -> list[tuple[Any, ...]]:
        """Run one trusted statement and return its rows as tuples."""
        return self.connection.execute(sql, params).fetchall()

    def tables(self) -> tuple[str, ...]:
        """List every table and view as `schema.name`, sorted."""
        return tuple(sorted(self._columns()))

    def table_exists(self, table: str) -> bool:
        """Return True when the lake has a table or view of this name, `schema.name`."""
        return check_table(table) in self._columns()

    def read(
        self,
        table: str,
        where: str = "",
        params: Sequence[object] | None = None,
        *,
        columns: Sequence[str] | None = None,
        order_by: Sequence[str] = (),
        at_snapshot: int | None = None,
    ) -> pl.DataFrame:
        """Read a table or view, as it is now or as of a snapshot.

        Parameters
        ----------
        table : str
            `schema.name`.
        where : str
            A condition with `?` for each of `params`.
        at_snapshot : int, optional
            Snapshot id to read; for tables only, since a view is read through its present definition.

        Raises
        ------
        UnknownTableError
            When the lake has no such table (at that snapshot).
        """
        selected = "*" if columns is None else quoted(columns)
        version = "" if at_snapshot is None else f" at (version => {int(at_snapshot)})"
        condition = f" where {where}" if where else ""
        order = f" order by {quoted(order_by)}" if order_by else ""
        try:
            return self.query(f"select {selected} from lake.{check_table(table)}{version}{condition}{order}", params)
        except duckdb.CatalogException as error:
            if at_snapshot is None and self.table_exists(table):
                raise
            when = "" if at_snapshot is None else f" at snapshot {at_snapshot}"
            near = difflib.get_close_matches(table, self.tables(), 1)
            hint = f"; did you mean {near[0]}?" if near and near[0] != table else ""
            raise UnknownTableError(f"the lake has no table {table}{when}{hint}") from error

    def before_write(self, tables: Sequence[str]) -> None:
        """Check the tables of every write before anything is written; a subclass may refuse them."""

    @contextmanager
    def one_snapshot(self) -> Iterator[None]:
        """Read one snapshot inside this context, although other processes may commit."""
        self.connection.execute("begin")
        try:
            yield
        finally:
            self.connection.execute("rollback")

    def snapshot_id(self) -> int:
        """Return the id of the newest snapshot that this connection sees."""
        return int(self.rows("select id from lake.current_snapshot()")[0][0])


def _matches(contract: TableContract, columns: dict[str, dict[str, str]]) -> bool:
    """Return True for a table that satisfies its contract, False for one that does not exist."""
    found = columns.get(contract.qualified_name)
    if found is None:
        return False
    declared = {column.name: column.type for column in contract.columns}
    if found != declared:
        names = sorted(name for name in found.keys() | declared.keys() if found.get(name) != declared.get(name))
        raise LakeMismatchError(
            f"table {contract.qualified_name} of this lake differs from its contract in {', '.join(names)}: "
            "another version created it; start a new lake (LAKEFOLIO_HOME) or migrate this one"
        )
    return True


def check_table(table: str) -> str:
    """Return a name of the form `schema.name`; `UnknownTableError` for any other form."""
    if _TABLE_NAME.fullmatch(table) is None:
        raise UnknownTableError(f"{table!r} is no table name: write schema.name in lower case")
    return table


def contract_of(table: str) -> TableContract:
    """Return a table's contract; `UnknownTableError` with the nearest name when there is none."""
    contract = CONTRACTS.get(table)
    if contract is None:
        near = difflib.get_close_matches(table, CONTRACTS, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UnknownTableError(f"there is no contract for table {table!r}{hint} (lakehouse/schema)")
    return contract


__all__ = ["Lake", "LakeSettings", "check_table", "contract_of", "literal", "quoted"]
