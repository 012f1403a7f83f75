"""Run SQL that a user typed: one SELECT on a read-only lake, without access to files or settings.

See docs/lake.md#9.
"""

from __future__ import annotations

import difflib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from lakehouse.connection.catalog import Lake, LakeSettings, literal
from lakehouse.errors import LakehouseError, QueryLimitError, QueryRefusedError
from lakehouse.paths import Paths

# Other table functions can read files, other databases or the catalog's connection.
_TABLE_FUNCTIONS = frozenset(
    {
        "range", "generate_series", "unnest", "repeat", "json_each", "json_tree",
        "duckdb_tables", "duckdb_views", "duckdb_columns", "duckdb_schemas", "duckdb_functions", "duckdb_types",
        "pragma_table_info",
        "ducklake_snapshots", "ducklake_current_snapshot", "ducklake_table_info", "ducklake_options",
        "ducklake_table_changes", "ducklake_table_insertions", "ducklake_table_deletions",
        "snapshots", "current_snapshot", "table_info", "options",
        "table_changes", "table_insertions", "table_deletions",
    }
)  # fmt: skip
# Views of DuckDB that show settings, attached files or connection strings.
_HIDDEN_TABLES = frozenset(
    {"duckdb_databases", "duckdb_secrets", "duckdb_settings", "duckdb_logs", "duckdb_log_contexts",
     "pragma_database_list", "pg_settings"}
)  # fmt: skip
_HIDDEN_CATALOG = "__ducklake_metadata_lake"
_SCALAR_FUNCTIONS_REFUSED = frozenset({"current_setting", "getenv", "getvariable", "nextval", "write_log"})
BATCH_ROWS = 10_000
_EXPLAIN = re.compile(r"\s*explain\s+(?:analyze\s+)?(?=\S)", re.IGNORECASE)
_INTERRUPTED = re.compile(r"^(?:INTERRUPT Error|Query interrupted)")
_OUT_OF_MEMORY = re.compile(r"^Out of Memory Error")
_IDENTIFIER = re.compile(r"\w+")


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield every mapping of a parsed statement, including subqueries and CTEs."""
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            yield node
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(node)


def _parsed(connection: duckdb.DuckDBPyConnection, sql: str) -> Any:
    """Parse one SELECT, or EXPLAIN of one, into DuckDB's tree; refuse any other statement."""
    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        raise QueryRefusedError(f"the SQL does not parse: {error}") from error
    if len(statements) != 1:
        raise QueryRefusedError(
            f"give one statement at a time, not {len(statements)} "
            "(a PIVOT needs its values listed: PIVOT ... ON x IN (...))"
        )
    kind = statements[0].type
    body = _EXPLAIN.sub("", sql, count=1) if kind == duckdb.StatementType.EXPLAIN else sql
    row = connection.execute("select json_serialize_sql(?)", [body]).fetchone()
    tree = json.loads(row[0]) if row else {"error": True}
    if kind not in (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN) or tree["error"]:
        raise QueryRefusedError(
            f"{kind.name} is refused: queries only read the lake; use SELECT, SHOW, DESCRIBE, SUMMARIZE or EXPLAIN of a "
            "SELECT"
        )
    return tree


def _refuse_outside_names(tree: Any) -> None:
    """Refuse functions and names that reach beyond the lake's tables."""
    for node in _nodes(tree):
        kind = node.get("type")
        if kind == "TABLE_FUNCTION":
            name = str(node["function"]["function_name"]).lower()
            if name not in _TABLE_FUNCTIONS:
                near = difflib.get_close_matches(name, _TABLE_FUNCTIONS, 1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise QueryRefusedError(
                    f"table function {name}() is refused: a query may read only the tables of the lake{hint}"
                )
        elif kind == "BASE_TABLE":
            name = str(node["table_name"])
            if _IDENTIFIER.fullmatch(name) is None:
                raise QueryRefusedError(f"{name!r} is refused: a query may read the tables of the lake, not files")
            places = {str(node.get(place)).lower() for place in ("catalog_name", "schema_name")}
            if name.lower() in _HIDDEN_TABLES or _HIDDEN_CATALOG in places:
                raise QueryRefusedError(
                    f"{name!r} is refused: it shows how the lake is attached, which may include a password"
                )
        elif kind == "FUNCTION" and str(node.get("function_name")).lower() in _SCALAR_FUNCTIONS_REFUSED:
            raise QueryRefusedError(
                f"function {node['function_name']}() is refused: a query may read only the tables of the lake"
            )


def _lock_down(connection: duckdb.DuckDBPyConnection, paths: Paths) -> None:
    """Disable file access and settings, after the attach that needs both."""
    if paths.data_dir is not None:
        connection.execute(f"set allowed_directories = [{literal(str(paths.data_dir) + '/')}]")
        connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """Seconds that one statement may take (None: any), and the MiB of memory that DuckDB may use for it."""

    seconds: float | None = None
    memory_mib: int = 4096


@dataclass(slots=True)
class QueryResult:
    """Rows of one statement, read a batch at a time.

    Attributes
    ----------
    schema : pl.DataFrame
        No row; every column with its type.
    batches : iterator of pl.DataFrame
        At most `BATCH_ROWS` rows each; raises the errors of `UserSql.run`.
    n_unread : int
        Rows that `first` read with its last batch and did not return.
    """

    schema: pl.DataFrame
    batches: Iterator[pl.DataFrame]
    n_unread: int = 0

    def first(self, n_rows: int) -> pl.DataFrame:
        """Read no more batches than `n_rows` rows need, and return these rows."""
        frames, n_read = [self.schema], 0
        while n_read < n_rows and (batch := next(self.batches, None)) is not None:
            frames.append(batch)
            n_read += batch.height
        self.n_unread = max(0, n_read - n_rows)
        return pl.concat(frames).head(n_rows)


class UserSql:
    """A read-only attach of the lake for the statements of a user, without access to files and with locked settings.

    Data behind a URL need the network, so there only the check of the parse tree refuses files.
    """

    def __init__(self, lake: Lake, limits: QueryLimits) -> None:
        self._connection = lake.connection
        self._limits = limits

    @classmethod
    @contextmanager
    def open(
        cls, paths: Paths, limits: QueryLimits | None = None, *, settings: LakeSettings | None = None
    ) -> Iterator[UserSql]:
        """Attach the lake of a home; `settings` stand for those that the limits give.

        Raises
        ------
        LakeMissingError
            When there is no lake.
        """
        limits = limits or QueryLimits()
        chosen = settings or LakeSettings(memory_limit=f"{limits.memory_mib}MiB")
        with Lake.open(paths, settings=chosen, read_only=True) as lake:
            # Bound before the settings are locked: json_serialize_sql is loaded at its first use.
            _refuse_outside_names(_parsed(lake.connection, "select 1"))
            _lock_down(lake.connection, paths)
            yield cls(lake, limits)

    def statements(self, text: str) -> tuple[str, ...]:
        """Split a script into its statements.

        Raises
        ------
        QueryRefusedError
            When DuckDB cannot parse it.
        """
        try:
            return tuple(one.query.strip() for one in self._connection.extract_statements(text))
        except duckdb.Error as error:
            raise QueryRefusedError(f"the SQL does not parse: {error}") from error

    def run(self, sql: str) -> QueryResult:
        """Run one SELECT, SHOW, DESCRIBE, SUMMARIZE, or EXPLAIN of a SELECT; tables as `marts.returns_daily`.

        The statement is checked in DuckDB's parse tree before it runs.

        Raises
        ------
        QueryRefusedError
            For statements that write or reach beyond the lake, and for SQL that DuckDB refuses.
        QueryLimitError
            The statement takes longer, or needs more memory, than the limits allow.
        """
        _refuse_outside_names(_parsed(self._connection, sql))
        batches = self._limited(self._read(sql))
        return QueryResult(next(batches), batches)

    def _read(self, sql: str) -> Iterator[pl.DataFrame]:
        reader = self._connection.execute(sql).to_arrow_reader(BATCH_ROWS)
        yield pl.DataFrame(reader.schema.empty_table())
        for batch in reader:
            if batch.num_rows:
                yield pl.DataFrame(pa.Table.from_batches([batch]))

    def _limited(self, batches: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Interrupt the statement from a timer thread, and say which limit ended it."""
        is_late = threading.Event()
        timer = self._timer(is_late)
        try:
            yield from batches
        except (duckdb.Error, RuntimeError, OSError) as error:
            # Errors while a result is read arrive through Arrow as OSError, an interrupt also as RuntimeError.
            if not is_late.is_set() and _INTERRUPTED.search(str(error)):
                self._connection.interrupt()
                raise KeyboardInterrupt from error
            raise self._describe(error, is_late=is_late.is_set()) from error
        finally:
            if timer is not None:
                timer.cancel()

    def _timer(self, is_late: threading.Event) -> threading.Timer | None:
        if self._limits.seconds is None:
            return None

        def stop() -> None:
            is_late.set()
            self._connection.interrupt()

        timer = threading.Timer(self._limits.seconds, stop)
        timer.daemon = True
        timer.start()
        return timer

    def _describe(self, error: Exception, *, is_late: bool) -> LakehouseError:
        if is_late:
            return QueryLimitError(
                f"the query was stopped after {self._limits.seconds:g} s: narrow it, for instance by run_id or "
                "session_date, or give more time with --timeout"
            )
        if isinstance(error, duckdb.OutOfMemoryException) or _OUT_OF_MEMORY.search(str(error)):
            return QueryLimitError(
                f"the query needs more than {self._limits.memory_mib:,} MiB of memory: narrow it, or give more with "
                "--memory-limit"
            )
        return QueryRefusedError(str(error))


def user_query(paths: Paths, sql: str, limit: int = 10_000, *, settings: LakeSettings | None = None) -> pl.DataFrame:
    """Run one statement of a user on the lake of a home and return its first `limit` rows; errors as `UserSql.run`."""
    with UserSql.open(paths, settings=settings) as lake:
        return lake.run(sql).first(limit)
