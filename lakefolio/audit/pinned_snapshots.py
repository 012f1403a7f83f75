"""Find the snapshot that each run's ledger pins, so that maintenance never expires it.

See docs/lake.md#5.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from lakefolio.errors import LakefolioError
from lakehouse.paths import Paths

PIN = "pin"
"""Kind of the ledger entry that pins the snapshot of a run."""


def _whole_numbers(value: Any) -> Iterator[int]:
    """Yield every whole number inside a value."""
    if isinstance(value, int) and not isinstance(value, bool):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _whole_numbers(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _whole_numbers(inner)


def _snapshot_ids(record: Any) -> Iterator[int]:
    """Yield the numbers under keys that contain `snapshot`, at any depth."""
    if isinstance(record, dict):
        for key, value in record.items():
            yield from _whole_numbers(value) if "snapshot" in str(key).lower() else _snapshot_ids(value)
    elif isinstance(record, list):
        for item in record:
            yield from _snapshot_ids(item)


def last_snapshot(documents: Iterator[Any]) -> int | None:
    """Return the newest snapshot that the last of a ledger's documents to name one names; None where none does.

    A run that ended names the snapshot that it pinned there, one that was killed the last one that it read or wrote.
    """
    found: int | None = None
    for document in documents:
        found = max(_snapshot_ids(document), default=found)
    return found


def pins(paths: Paths) -> dict[str, int]:
    """Return the pinned snapshot of each run that has one, by run id.

    Raises
    ------
    LakefolioError
        For a ledger line that is not JSON: the snapshot that the run needs is unknown, so none may be expired.
    """
    found: dict[str, int] = {}
    for ledger in sorted((paths.artifacts / "runs").glob("*/audit.jsonl")):
        run_id = ledger.parent.name
        snapshot = last_snapshot(_documents(run_id, ledger.read_text(encoding="utf-8")))
        if snapshot is not None:
            found[run_id] = snapshot
    return found


def pinned_snapshots(paths: Paths) -> frozenset[int]:
    """Collect the snapshots that the runs of a home pin; raises as `pins` does."""
    return frozenset(pins(paths).values())


def _documents(run_id: str, text: str) -> Iterator[Any]:
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            yield json.loads(line)
        except json.JSONDecodeError as error:
            raise LakefolioError(
                f"line {number} of the ledger of run {run_id} is not JSON, so the snapshot that it needs is unknown and "
                f"none is expired: run `lakefolio verify {run_id}` first"
            ) from error
