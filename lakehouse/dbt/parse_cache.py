"""Cache the parsed dbt project by the content of its files, since parsing takes seconds."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

KEPT = 8
"""Number of parsed projects kept on disk, the most recently written first."""

_PARTS = ("dbt_project.yml", "profiles.yml", "models", "macros", "seeds", "tests")
_DIGEST_BYTES = 32


def cache_folder() -> Path:
    """Return the cache folder: LAKEFOLIO_CACHE, else `lakefolio` in the user's XDG cache folder."""
    given = os.environ.get("LAKEFOLIO_CACHE")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lakefolio"


def parse_key(project: Path, variables: Mapping[str, Any]) -> str:
    """Hash everything a parse depends on: the project's files and path, the variables, dbt and Python."""
    digest = hashlib.sha256()
    facts = [str(project.resolve()), version("dbt-core"), version("dbt-duckdb"), sys.version, dict(variables)]
    digest.update(json.dumps(facts, default=str, sort_keys=True).encode())
    for part in _PARTS:
        path = project / part
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                digest.update(f"\0{file.relative_to(project).as_posix()}\0".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()


class ParsedProjects:
    """Parsed manifests by key, in memory and on disk."""

    def __init__(self) -> None:
        self._manifests: dict[str, Manifest] = {}

    def get(self, key: str) -> Manifest | None:
        """Return the manifest of a key, or None when the project must be parsed; dbt calls may share one."""
        if key not in self._manifests:
            packed = _read(_file_of(key))
            if packed is None:
                return None
            # Importing dbt takes seconds, and most commands do not need it.
            from dbt.contracts.graph.manifest import Manifest  # noqa: PLC0415
            from dbt.parser.manifest import extended_mashumuro_decoder  # noqa: PLC0415

            manifest: Manifest = Manifest.from_msgpack(packed, decoder=extended_mashumuro_decoder)
            manifest.build_flat_graph()  # type: ignore[no-untyped-call]
            self._manifests[key] = manifest
        return self._manifests[key]

    def put(self, key: str, manifest: Manifest) -> None:
        """Store a manifest; only in memory when the cache folder cannot be written."""
        from dbt.parser.manifest import extended_mashumaro_encoder  # noqa: PLC0415

        self._manifests[key] = manifest
        if _is_writable(cache_folder()):
            _write(_file_of(key), bytes(manifest.to_msgpack(extended_mashumaro_encoder)))


def _file_of(key: str) -> Path:
    return cache_folder() / f"dbt-{key}.manifest"


def _read(file: Path) -> bytes | None:
    """Return the content of a cache file, or None when it does not match the digest at its start."""
    if not file.is_file():
        return None
    content = file.read_bytes()
    digest, packed = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    return packed if hashlib.sha256(packed).digest() == digest else None


def _write(file: Path, packed: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".dbt-", delete=False) as partial:
        partial.write(hashlib.sha256(packed).digest() + packed)
    Path(partial.name).replace(file)
    kept = sorted(file.parent.glob("dbt-*.manifest"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in kept[KEPT:]:
        old.unlink(missing_ok=True)


def _is_writable(folder: Path) -> bool:
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(nearest, os.W_OK):
        return False
    folder.mkdir(parents=True, exist_ok=True)
    return True


PARSED = ParsedProjects()
"""Parsed projects of this process."""
