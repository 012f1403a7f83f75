"""Measure a lake on disk: bytes by schema, files and snapshots.

See docs/lake.md.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from lakehouse.paths import Paths


@dataclass(frozen=True, slots=True)
class LakeSize:
    """Size of a lake.

    Attributes
    ----------
    bytes_of : dict
        Bytes of the data files by schema, and of the catalog, which holds the inlined rows.
    """

    bytes_of: dict[str, int]
    n_files: int
    n_snapshots: int

    @property
    def total(self) -> int:
        """Bytes of data files and catalog."""
        return sum(self.bytes_of.values())


def data_files(home: Path) -> dict[str, int]:
    """Return the size of each data file of a home, by its path below the folder of the files."""
    folder = Paths.at(home).data_dir
    if folder is None or not folder.is_dir():
        return {}
    return {file.relative_to(folder).as_posix(): file.stat().st_size for file in folder.rglob("*") if file.is_file()}


def catalog_bytes(home: Path) -> int:
    """Return the size of the catalog with its write-ahead log."""
    file = Paths.at(home).catalog_file
    if file is None:
        return 0
    parts = [file.with_name(file.name + suffix) for suffix in ("", "-wal")]
    return sum(part.stat().st_size for part in parts if part.exists())


def lake_size(home: Path) -> LakeSize:
    """Measure the lake of a home, whose catalog must be a SQLite file."""
    files = data_files(home)
    bytes_of: dict[str, int] = {}
    for name, size in files.items():
        schema = name.partition("/")[0]
        bytes_of[schema] = bytes_of.get(schema, 0) + size
    bytes_of["catalog"] = catalog_bytes(home)
    return LakeSize(dict(sorted(bytes_of.items())), len(files), _count_snapshots(Paths.at(home).catalog_file))


def _count_snapshots(catalog: Path | None) -> int:
    if catalog is None or not catalog.exists():
        return 0
    with closing(sqlite3.connect(f"file:{catalog}?mode=ro", uri=True)) as connection:
        return int(connection.execute("select count(*) from ducklake_snapshot").fetchone()[0])
