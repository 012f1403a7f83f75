"""Record in the catalog where the data files are, and the version of the lake's layout and contracts.

See docs/decisions/0011-bounded-growth.md.

DuckLake keeps its own facts in the table `ducklake_metadata` of the catalog, among them the data path; keys that it does not
know are left alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import duckdb

from lakehouse.errors import LakeMismatchError, LakeVersionError
from lakehouse.paths import Paths

LAYOUT: Final = 2
"""Version of schemas and contracts: 1 kept the runs in `results.runs` and its marts for the newest run alone."""

METADATA: Final = "__ducklake_metadata_lake.ducklake_metadata"
_LAYOUT_KEY: Final = "lakefolio_layout"
_CHECKED_KEY: Final = "lakefolio_checked_snapshot"


def read_fact(connection: duckdb.DuckDBPyConnection, key: str) -> str | None:
    """Return what the catalog records under a key; None where it records nothing."""
    found = connection.execute(f"select value from {METADATA} where key = ? and scope is null", [key]).fetchone()  # noqa: S608  # a constant
    return None if found is None else str(found[0])


def write_fact(connection: duckdb.DuckDBPyConnection, key: str, value: str) -> None:
    """Record a value under a key in the catalog."""
    if read_fact(connection, key) is None:
        connection.execute(f"insert into {METADATA} (key, value) values (?, ?)", [key, value])  # noqa: S608  # a constant
    else:
        connection.execute(f"update {METADATA} set value = ? where key = ?", [value, key])  # noqa: S608  # a constant


def recorded_path(paths: Paths) -> str:
    """Return the data path as the catalog of a home records it: below the home it is relative, so that the home can move.

    DuckDB reads a relative path from its working directory, which for programs beside lakefolio is the home.
    """
    if paths.data_dir is None:
        return paths.data if paths.data.endswith("/") else f"{paths.data}/"
    is_inside = paths.data_dir.is_relative_to(paths.root)
    return f"{paths.data_dir.relative_to(paths.root) if is_inside else paths.data_dir}/"


def check_data_path(connection: duckdb.DuckDBPyConnection, paths: Paths, *, read_only: bool) -> None:
    """Record the data path where the home or its data folder moved and the files are there.

    Raises
    ------
    LakeMismatchError
        The catalog records another data path, and its files are not in the data folder of this home.
    """
    recorded, expected = read_fact(connection, "data_path"), recorded_path(paths)
    if recorded == expected:
        return
    if not _files_are_there(connection, paths.data_dir):
        raise LakeMismatchError(
            f"the catalog records the data folder {recorded}, and its files are not in {paths.data}: set LAKEFOLIO_DATA to "
            "the folder that holds them, or move them there"
        )
    if not read_only:
        write_fact(connection, "data_path", expected)


def _files_are_there(connection: duckdb.DuckDBPyConnection, folder: Path | None) -> bool:
    """Tell whether data files of the catalog are below a folder; without any data file it is not asked for."""
    database = METADATA.partition(".")[0]
    newest = connection.execute(
        "select schemas.path || tables.path || file.path "  # noqa: S608  # a constant
        f"from {database}.ducklake_data_file as file "
        f"inner join {database}.ducklake_table as tables using (table_id) "
        f"inner join {database}.ducklake_schema as schemas using (schema_id) "
        "where file.path_is_relative order by file.data_file_id desc limit 100"
    ).fetchall()
    # One that is missing is damage, which is found and named elsewhere.
    return not newest or (folder is not None and any((folder / name).is_file() for (name,) in newest))


def read_layout(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the version of the layout; a lake that records none is recognised by where it keeps its runs."""
    recorded = read_fact(connection, _LAYOUT_KEY)
    if recorded is not None:
        return int(recorded)
    found = connection.execute(
        "select list(schema_name) from duckdb_tables() where database_name = 'lake' and table_name = 'runs'"
    ).fetchone()
    return 1 if found is not None and found[0] == ["results"] else LAYOUT


def check_layout(connection: duckdb.DuckDBPyConnection) -> None:
    """Refuse a lake of another layout.

    Raises
    ------
    LakeVersionError
        The lake is newer, with what to install, or older, with the command that migrates it.
    """
    layout = read_layout(connection)
    if layout > LAYOUT:
        raise LakeVersionError(
            f"this lake has layout {layout} and this lakefolio knows layouts up to {LAYOUT}: install the version of "
            "lakefolio that wrote it, or a newer one"
        )
    if layout < LAYOUT:
        raise LakeVersionError(
            f"this lake has layout {layout} and this lakefolio needs layout {LAYOUT}: copy its folder, then "
            "run `lakefolio lake migrate`"
        )


def record_layout(connection: duckdb.DuckDBPyConnection) -> None:
    """Record the layout of this code in the catalog, the first time also that the lake is right as it is."""
    if read_fact(connection, _LAYOUT_KEY) != str(LAYOUT):
        write_fact(connection, _LAYOUT_KEY, str(LAYOUT))
        record_checked(connection)


def checked_snapshot(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the snapshot up to which changes by other programs are known and taken for right; -1 for none."""
    return int(read_fact(connection, _CHECKED_KEY) or -1)


def record_checked(connection: duckdb.DuckDBPyConnection) -> int:
    """Take the lake as it is now for right; returns its newest snapshot."""
    found = connection.execute("select max(snapshot_id) from ducklake_snapshots('lake')").fetchone()
    newest = int(found[0]) if found else -1
    write_fact(connection, _CHECKED_KEY, str(newest))
    return newest
