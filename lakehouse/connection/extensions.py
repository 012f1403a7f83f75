"""Load DuckDB extensions from their wheels, without network access.

See docs/lake.md#extensions.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import duckdb
import duckdb_extensions
from filelock import FileLock

from lakehouse.errors import ExtensionMissingError
from lakehouse.paths import Paths

_WHEELS = {
    "ducklake": "duckdb-extension-ducklake",
    "sqlite_scanner": "duckdb-extension-sqlite-scanner",
    "postgres_scanner": "duckdb-extension-postgres-scanner",
    "httpfs": "duckdb-extension-httpfs",
}


def needed_extensions(paths: Paths) -> tuple[str, ...]:
    """List the extensions that this home's catalog and data need."""
    names = ["ducklake"]
    if paths.catalog_kind in ("sqlite", "postgres"):
        names.append(f"{paths.catalog_kind}_scanner")
    if paths.data_dir is None:
        names.append("httpfs")
    return tuple(names)


def _is_installed(folder: Path, name: str) -> bool:
    return any(folder.glob(f"v{duckdb.__version__}/*/{name}.duckdb_extension.info"))


def _install(connection: duckdb.DuckDBPyConnection, folder: Path, name: str) -> None:
    if importlib.util.find_spec(f"duckdb_extension_{name}") is None:
        raise ExtensionMissingError(
            f"DuckDB extension {name!r} is needed and {_WHEELS[name]} is not installed: "
            f"add {_WHEELS[name]}=={duckdb.__version__} (it is part of the extra 'server' for PostgreSQL and S3)"
        )
    # One process must not load a file that another is still copying.
    with FileLock(folder / "install.lock"):
        if not _is_installed(folder, name):
            duckdb_extensions.import_extension(name, con=connection)


def load_extensions(connection: duckdb.DuckDBPyConnection, paths: Paths) -> None:
    """Load the extensions of a home into a connection; copy them from their wheels the first time.

    Raises
    ------
    ExtensionMissingError
        When the wheel of an extension is not installed, or was built for another DuckDB version.
    """
    paths.extensions.mkdir(parents=True, exist_ok=True)
    for name in needed_extensions(paths):
        try:
            if not _is_installed(paths.extensions, name):
                _install(connection, paths.extensions, name)
            connection.execute(f"load {name}")
        except (duckdb.IOException, duckdb.HTTPException, duckdb.InvalidInputException) as error:
            raise ExtensionMissingError(
                f"DuckDB {duckdb.__version__} could not load extension {name!r} from {paths.extensions}: {error}. "
                f"Remove that folder and install {_WHEELS[name]}=={duckdb.__version__}"
            ) from error
