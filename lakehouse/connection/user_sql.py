"""Run SQL that a user typed: one SELECT on a read-only lake, without access to files or settings.

See docs/lake.md#9.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from lakehouse.connection.catalog import Lake, LakeSettings, literal
from lakehouse.errors import QueryRefusedError
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
_EXPLAIN = re.compile(r"\s*explain\s+(?:analyze\s+)?(?=\S)", re.IGNORECASE)
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
            if name.lower() in _HIDDEN_TABLES or _HIDDEN_CATALOG in (node.get("catalog_name"), node.get("schema_name")):
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


def user_query(paths: Paths, sql: str, limit: int = 10_000, *, settings: LakeSettings | None = None) -> pl.DataFrame:
    """Run the SQL of a user on the lake, read-only.

    The statement is checked in DuckDB's parse tree, then run on a read-only attach without file access and with locked
    settings. Data behind a URL need the network, so there only the check of the parse tree refuses files.

    Parameters
    ----------
    sql : str
        One SELECT, SHOW, DESCRIBE, SUMMARIZE, or EXPLAIN of a SELECT; tables as `marts.returns_daily`.
    limit : int
        The most rows returned; ask for one more than is shown to see whether there are more.

    Raises
    ------
    QueryRefusedError
        For statements that write or reach beyond the lake, and for SQL that DuckDB refuses.
    LakeMissingError
        When there is no lake.
    """
    with Lake.open(paths, settings=settings, read_only=True) as lake:
        _refuse_outside_names(_parsed(lake.connection, sql))
        _lock_down(lake.connection, paths)
        try:
            reader = lake.connection.execute(sql).to_arrow_reader(max(1, min(limit, 10_000)))
            return _first_rows(reader, limit)
        except duckdb.Error as error:
            raise QueryRefusedError(str(error)) from error


def _first_rows(reader: pa.RecordBatchReader, limit: int) -> pl.DataFrame:
    """Read as many batches as `limit` rows need."""
    batches: list[pa.RecordBatch] = []
    rows = 0
    while rows < limit:
        try:
            batches.append(reader.read_next_batch())
        except StopIteration:
            break
        rows += batches[-1].num_rows
    frame = pl.DataFrame(pa.Table.from_batches(batches, reader.schema))
    return frame.head(limit)
