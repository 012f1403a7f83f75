"""Collect the snapshots that run ledgers name, so that maintenance never expires them.

See docs/lake.md#5.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from lakefolio.errors import LakefolioError
from lakehouse.paths import Paths


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


def pinned_snapshots(paths: Paths) -> frozenset[int]:
    """Collect the snapshot ids that the ledger of any run names under a key that contains `snapshot`.

    Raises
    ------
    LakefolioError
        For a ledger line that is not JSON: the snapshots that it names are unknown, so none may be expired.
    """
    found: set[int] = set()
    for ledger in sorted((paths.artifacts / "runs").glob("*/audit.jsonl")):
        for number, line in enumerate(ledger.read_text(encoding="utf-8").splitlines(), start=1):
            try:
                found.update(_snapshot_ids(json.loads(line)))
            except json.JSONDecodeError as error:
                raise LakefolioError(
                    f"{ledger}, line {number} is not JSON, so the snapshots that it names are unknown and none is "
                    f"expired: run `lakefolio verify {ledger.parent.name}` first"
                ) from error
    return frozenset(found)
