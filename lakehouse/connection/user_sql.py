"""SQL that a person typed: one SELECT, on a read-only lake, with nothing else in reach.

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

# Table functions beyond these can read files, other databases, or the catalog's own connection.
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
    """Walk a parsed statement: every mapping in it, subqueries and CTEs included."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _parsed(connection: duckdb.DuckDBPyConnection, sql: str) -> Any:
    """Parse exactly one SELECT (or EXPLAIN of one) into DuckDB's own tree; refuse anything else."""
    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        raise QueryRefusedError(f"the SQL does not parse: {error}") from error
    if len(statements) != 1:
        raise QueryRefusedError(
            f"one statement at a time, this is {len(statements)} "
            "(a PIVOT needs its values listed: PIVOT ... ON x IN (...))"
        )
    kind = statements[0].type
    body = _EXPLAIN.sub("", sql, count=1) if kind == duckdb.StatementType.EXPLAIN else sql
    row = connection.execute("select json_serialize_sql(?)", [body]).fetchone()
    tree = json.loads(row[0]) if row else {"error": True}
    if kind not in (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN) or tree["error"]:
        raise QueryRefusedError(
            f"{kind.name} is refused: this is a read-only view of the lake, which answers SELECT, SHOW, DESCRIBE, "
            "SUMMARIZE and EXPLAIN of a SELECT"
        )
    return tree


def _require_harmless(tree: Any) -> None:
    """Refuse functions and names that reach beyond the lake's tables."""
    for node in _nodes(tree):
        kind = node.get("type")
        if kind == "TABLE_FUNCTION":
            name = str(node["function"]["function_name"]).lower()
            if name not in _TABLE_FUNCTIONS:
                near = difflib.get_close_matches(name, _TABLE_FUNCTIONS, 1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise QueryRefusedError(
                    f"table function {name}() is refused: only the lake's own tables are in reach{hint}"
                )
        elif kind == "BASE_TABLE":
            name = str(node["table_name"])
            if _IDENTIFIER.fullmatch(name) is None:
                raise QueryRefusedError(f"{name!r} is refused: files are not in reach, only the lake's own tables")
            if name.lower() in _HIDDEN_TABLES or _HIDDEN_CATALOG in (node.get("catalog_name"), node.get("schema_name")):
                raise QueryRefusedError(f"{name!r} is refused: it shows how the lake is attached, not what it holds")
        elif kind == "FUNCTION" and str(node.get("function_name")).lower() in _SCALAR_FUNCTIONS_REFUSED:
            raise QueryRefusedError(
                f"function {node['function_name']}() is refused: only the lake's own data are in reach"
            )


def _lock(connection: duckdb.DuckDBPyConnection, paths: Paths) -> None:
    """Take the file system and the settings away, after the attach that still needs both."""
    if paths.data_dir is not None:
        connection.execute(f"set allowed_directories = [{literal(str(paths.data_dir) + '/')}]")
        connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def user_query(paths: Paths, sql: str, limit: int = 10_000, *, settings: LakeSettings | None = None) -> pl.DataFrame:
    """Answer a person's SQL from the lake, which it cannot change.

    The statement is checked in DuckDB's own parse tree, then run on a read-only attach without file system and with
    locked settings. Data behind a URL need the network, so there the parse tree alone keeps files out of reach.

    Parameters
    ----------
    sql : str
        One SELECT, SHOW, DESCRIBE, SUMMARIZE, or EXPLAIN of a SELECT; tables as `marts.returns_daily`.
    limit : int
        The most rows that come back; ask for one more than is shown to see whether there are more.

    Raises
    ------
    QueryRefusedError
        For anything that writes or reaches beyond the lake, and for SQL that DuckDB cannot answer.
    LakeMissingError
        When there is no lake.
    """
    with Lake.open(paths, settings=settings, read_only=True) as lake:
        _require_harmless(_parsed(lake.connection, sql))
        _lock(lake.connection, paths)
        try:
            reader = lake.connection.execute(sql).to_arrow_reader(max(1, min(limit, 10_000)))
            return _first_rows(reader, limit)
        except duckdb.Error as error:
            raise QueryRefusedError(str(error)) from error


def _first_rows(reader: pa.RecordBatchReader, limit: int) -> pl.DataFrame:
    """Read no more batches than `limit` rows need."""
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
