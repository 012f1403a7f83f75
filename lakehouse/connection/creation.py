"""Refuse to create an empty lake where the remains of an earlier one show that its catalog was lost.

See docs/lake.md#10.
"""

from __future__ import annotations

from collections.abc import Iterator

from lakehouse.errors import LakeMissingError
from lakehouse.paths import Paths


def remains(paths: Paths) -> tuple[str, ...]:
    """Describe what an earlier lake has left in a home: data files, ledgers of runs, accepted portfolios."""
    return tuple(_remains(paths))


def _remains(paths: Paths) -> Iterator[str]:
    folder = paths.data_dir
    if folder is not None and any(folder.rglob("*.parquet")):
        yield f"data files in {folder}"
    ledgers = (paths.artifacts / "runs").glob("*/audit.jsonl")
    # A run begins its ledger before it opens the lake; a line that names a snapshot comes after.
    if any(b'"snapshot' in ledger.read_bytes() for ledger in ledgers):
        yield f"ledgers of runs in {paths.artifacts / 'runs'}"
    if paths.state.is_dir() and any(paths.state.iterdir()):
        yield f"accepted portfolios in {paths.state}"


def lost_catalog(paths: Paths) -> LakeMissingError:
    """Return the error for a catalog that is missing or empty beside the remains of a lake."""
    place = paths.catalog_file or f"the {paths.catalog_kind} catalog"
    return LakeMissingError(
        f"{place} is missing or empty, but there are {' and '.join(remains(paths))}: put the catalog back, or restore a "
        "backup with `lakefolio lake restore --from FOLDER`; to start anew without them, run `lakefolio lake create`"
    )
