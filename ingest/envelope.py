"""The envelope in which a scan leaves the house: `{"meta": {...}, "data": [...]}` (house.md 3).

Consumers read `meta`, never the file's name.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ingest.errors import ScannerInputError
from ingest.scanners import Scanner
from lakehouse.paths import Paths

SCHEMA = "lakefolio.universe"
VERSION = 1
_LEFT_OUT = ("run_id", "scanner", "payload", "scanned_at")


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a scan comes from."""

    run_id: str
    source: str
    is_simulated: bool
    as_of: dt.date
    generated_at: dt.datetime


def envelope(scanner: Scanner, found: pl.DataFrame, provenance: Provenance) -> dict[str, Any]:
    """Wrap the rows of `raw.scans` that one scanner found.

    Raises
    ------
    ScannerInputError
        When rows of another scanner are among them.
    """
    strangers = sorted(set(found["scanner"]) - {scanner.name})
    if strangers:
        raise ScannerInputError(f"envelope of {scanner.name}: rows of {', '.join(strangers)} are among its rows")
    rows = found.sort("rank").drop(_LEFT_OUT).iter_rows(named=True)
    return {
        "meta": {
            "schema": SCHEMA,
            "version": VERSION,
            "run": provenance.run_id,
            "scanner": scanner.name,
            "title": scanner.title,
            "strategy": scanner.strategy,
            "direction": scanner.direction,
            "asset_classes": list(scanner.asset_classes),
            "product": scanner.product,
            "venues": sorted(set(found["venue"])),
            "source": provenance.source,
            "is_simulated": provenance.is_simulated,
            "as_of": provenance.as_of.isoformat(),
            "generated_at": provenance.generated_at.isoformat(timespec="seconds") + "Z",
            "n_rows": found.height,
        },
        "data": [{name: _plain(value) for name, value in row.items()} for row in rows],
    }


def write_envelope(paths: Paths, scanner: Scanner, found: pl.DataFrame, provenance: Provenance) -> Path:
    """Write one envelope under `export/<run_id>/`; the file appears whole or not at all."""
    target = paths.export_file(provenance.run_id, scanner.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(envelope(scanner, found, provenance), indent=1, sort_keys=False, allow_nan=False)
    partial = target.with_suffix(".partial")
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(target)
    return target


def _plain(value: object) -> object:
    if isinstance(value, dt.date):
        return value.isoformat()
    # JSON knows neither NaN nor infinity; a number that is none is unknown.
    return None if isinstance(value, float) and not math.isfinite(value) else value
