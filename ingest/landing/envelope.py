"""The envelope in which a scan leaves the house: `{"meta": {...}, "data": [...]}`.

See docs/architecture.md#run.

Consumers read `meta`, never the file's name.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import polars as pl

from ingest.errors import ScannerInputError
from ingest.screening.scanners import Scanner
from lakehouse.paths import Paths
from lakehouse.schema.contracts import Column
from lakehouse.schema.tables import CONTRACTS

SCHEMA = "lakefolio.universe"
VERSION = 1
_LEFT_OUT = ("run_id", "scanner", "payload", "scanned_at")
ROW_COLUMNS: tuple[Column, ...] = tuple(
    column for column in CONTRACTS["raw.scans"].columns if column.name not in _LEFT_OUT
)
"""What a row of `data` carries: the columns of `raw.scans` but those that `meta` says once."""
ROW_MEANINGS = {
    "symbol": "the instrument, `VENUE:TICKER`",
    "session_date": "session of the values in the row",
    "source": "who was asked",
    "asset_class": "class of the instrument",
    "product": "product of the instrument within its class",
    "venue": "where it trades",
    "direction": "the scanner's direction, as in `meta`",
    "strategy": "the scanner's strategy, as in `meta`",
    "rank": "place among the finds of the scanner, 1 is the most traded",
    "close": "close, in the instrument's currency",
    "volume": "volume of the session, in units of the instrument",
    "value_traded_usd": "value traded in the session, USD",
    "market_cap_usd": "market capitalisation, USD",
    "adx": "average directional index, 14 sessions",
    "rsi": "relative strength index, 14 sessions",
    "stoch_k": "slow stochastic %K, 14 sessions",
    "atr": "average true range, 14 sessions, in the instrument's currency",
    "volatility_d": "volatility of the session, percent",
    "recommend_all": "rating of averages and oscillators together, -1 to 1",
    "perf_w": "performance over a week, percent",
    "perf_1m": "performance over a month, percent",
    "perf_3m": "performance over three months, percent",
    "perf_6m": "performance over six months, percent",
}


def _means(text: str) -> Any:
    """Declare a field of `meta` with what it means."""
    return field(metadata={"means": text})


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """What an envelope says of itself, in this order."""

    schema: str = _means("name of this format, always `lakefolio.universe`")
    version: int = _means("version of this format; a reader refuses one that it does not know")
    run: str = _means("run that scanned")
    scanner: str = _means("name of the scanner")
    title: str = _means("what the scanner looks for, for people")
    strategy: str = _means("strategy whose rules were applied (docs/method/05-discovery-selection.md#5.1)")
    direction: str = _means("`LONG` or `SHORT`")
    asset_classes: tuple[str, ...] = _means("classes that were scanned")
    product: str | None = _means("product that was scanned; null where all products of the classes were")
    venues: tuple[str, ...] = _means("venues of the rows, sorted; empty where nothing was found")
    source: str = _means("who was asked")
    is_simulated: bool = _means("whether the prices are simulated")
    as_of: str = _means("session that was scanned, `YYYY-MM-DD`")
    generated_at: str = _means("the run's clock in UTC, `YYYY-MM-DDTHH:MM:SSZ`")
    n_rows: int = _means("number of rows in `data`")


@dataclass(frozen=True, slots=True)
class ScanProvenance:
    """Where a scan comes from."""

    run_id: str
    source: str
    is_simulated: bool
    as_of: dt.date
    generated_at: dt.datetime


def envelope(scanner: Scanner, found: pl.DataFrame, provenance: ScanProvenance) -> dict[str, Any]:
    """Wrap the rows of `raw.scans` that one scanner found.

    Raises
    ------
    ScannerInputError
        When rows of another scanner are among them.
    """
    strangers = sorted(set(found["scanner"]) - {scanner.name})
    if strangers:
        raise ScannerInputError(f"envelope of {scanner.name}: rows of {', '.join(strangers)} are among its rows")
    meta = Meta(
        schema=SCHEMA,
        version=VERSION,
        run=provenance.run_id,
        scanner=scanner.name,
        title=scanner.title,
        strategy=scanner.strategy,
        direction=scanner.direction,
        asset_classes=scanner.asset_classes,
        product=scanner.product,
        venues=tuple(sorted(set(found["venue"]))),
        source=provenance.source,
        is_simulated=provenance.is_simulated,
        as_of=provenance.as_of.isoformat(),
        generated_at=provenance.generated_at.isoformat(timespec="seconds") + "Z",
        n_rows=found.height,
    )
    rows = found.sort("rank").select(column.name for column in ROW_COLUMNS).iter_rows(named=True)
    return {
        "meta": {one.name: _plain(getattr(meta, one.name)) for one in fields(meta)},
        "data": [{name: _plain(value) for name, value in row.items()} for row in rows],
    }


def write_envelope(paths: Paths, scanner: Scanner, found: pl.DataFrame, provenance: ScanProvenance) -> Path:
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
    if isinstance(value, tuple):
        return list(value)
    # JSON knows neither NaN nor infinity; a number that is none is unknown.
    return None if isinstance(value, float) and not math.isfinite(value) else value
