"""Which snapshots the ledgers name: those are never expired.

See docs/lake.md#5.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from lakehouse.errors import MaintenanceError
from lakehouse.paths import Paths


def _numbers(value: Any) -> Iterator[int]:
    """Yield every whole number inside a value."""
    if isinstance(value, int) and not isinstance(value, bool):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _numbers(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _numbers(inner)


def _named(record: Any) -> Iterator[int]:
    """Yield the numbers that stand under a key about snapshots, at any depth."""
    if isinstance(record, dict):
        for key, value in record.items():
            yield from _numbers(value) if "snapshot" in str(key).lower() else _named(value)
    elif isinstance(record, list):
        for item in record:
            yield from _named(item)


def snapshots_in_ledgers(paths: Paths) -> frozenset[int]:
    """Collect the snapshot ids that the ledger of any run names, under a key that contains `snapshot`.

    Raises
    ------
    MaintenanceError
        For a ledger line that is not JSON: what it named is unknown, so nothing may be expired.
    """
    found: set[int] = set()
    for ledger in sorted((paths.artifacts / "runs").glob("*/audit.jsonl")):
        for number, line in enumerate(ledger.read_text(encoding="utf-8").splitlines(), start=1):
            try:
                found.update(_named(json.loads(line)))
            except json.JSONDecodeError as error:
                raise MaintenanceError(
                    f"{ledger}, line {number} is not JSON, so the snapshots it names are unknown and none is expired: "
                    "verify that run first"
                ) from error
    return frozenset(found)
