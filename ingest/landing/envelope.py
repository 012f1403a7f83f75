"""Write the instruments that a scanner found as a JSON file for readers outside the lake."""

from __future__ import annotations

import datetime as dt
import json
import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import polars as pl

from ingest.errors import ScannerInputError
from ingest.screening.scanners import Scanner
from lakehouse.paths import Paths
from lakehouse.schema.contracts import Column
from lakehouse.schema.tables import CONTRACTS

SCHEMA_FILE = Path(__file__).with_name("scan_envelope.schema.json")
"""JSON Schema of an envelope: type, unit and meaning of every field."""
SCHEMA = "lakefolio.universe"
VERSION = 1
_IN_META_OR_INTERNAL = ("run_id", "scanner", "payload", "scanned_at")
ROW_COLUMNS: tuple[Column, ...] = tuple(
    column for column in CONTRACTS["raw.scans"].columns if column.name not in _IN_META_OR_INTERNAL
)
"""Columns of `raw.scans` that a row of `data` carries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeMeta:
    """Description of a scan: the object `meta` of an envelope, its fields in this order."""

    schema: str
    version: int
    run: str
    scanner: str
    title: str
    strategy: str
    direction: str
    asset_classes: tuple[str, ...]
    product: str | None
    venues: tuple[str, ...]
    source: str
    is_simulated: bool
    as_of: str
    generated_at: str
    n_rows: int


@dataclass(frozen=True, slots=True)
class ScanOrigin:
    """Run, source and clock of a scan.

    Attributes
    ----------
    as_of : date
        Session that was scanned.
    generated_at : datetime
        Clock of the run, UTC without a time zone.
    """

    run_id: str
    source: str
    is_simulated: bool
    as_of: dt.date
    generated_at: dt.datetime


def envelope(scanner: Scanner, found: pl.DataFrame, origin: ScanOrigin) -> dict[str, Any]:
    """Build the envelope of one scanner from its rows of `raw.scans`.

    Raises
    ------
    ScannerInputError
        When `found` holds rows of another scanner.
    """
    others = sorted(set(found["scanner"]) - {scanner.name})
    if others:
        raise ScannerInputError(f"envelope of scanner {scanner.name}: the rows include those of {', '.join(others)}")
    meta = EnvelopeMeta(
        schema=SCHEMA,
        version=VERSION,
        run=origin.run_id,
        scanner=scanner.name,
        title=scanner.title,
        strategy=scanner.strategy,
        direction=scanner.direction,
        asset_classes=scanner.asset_classes,
        product=scanner.product,
        venues=tuple(sorted(set(found["venue"]))),
        source=origin.source,
        is_simulated=origin.is_simulated,
        as_of=origin.as_of.isoformat(),
        generated_at=origin.generated_at.isoformat(timespec="seconds") + "Z",
        n_rows=found.height,
    )
    rows = found.sort("rank").select(column.name for column in ROW_COLUMNS).iter_rows(named=True)
    return {
        "meta": {field.name: _json_value(getattr(meta, field.name)) for field in fields(meta)},
        "data": [{name: _json_value(value) for name, value in row.items()} for row in rows],
    }


def write_envelope(paths: Paths, scanner: Scanner, found: pl.DataFrame, origin: ScanOrigin) -> Path:
    """Write the envelope of one scanner to `export/<run_id>/universe_selector_<scanner>.json` and return the path.

    The file is written beside its target and then renamed, so a reader never sees half of it.

    Raises
    ------
    ScannerInputError
        When `found` holds rows of another scanner.
    """
    target = paths.export_file(origin.run_id, scanner.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(envelope(scanner, found, origin), indent=1, sort_keys=False, allow_nan=False)
    partial = target.with_suffix(".partial")
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(target)
    return target


def _json_value(value: object) -> object:
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, tuple):
        return list(value)
    # JSON has neither NaN nor infinity.
    return None if isinstance(value, float) and not math.isfinite(value) else value
