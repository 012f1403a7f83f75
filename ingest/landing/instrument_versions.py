"""Instrument metadata as versions in time (SCD2): what a new answer adds, closes or removes."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable
from typing import Any

import polars as pl

from ingest.sources.protocol import INSTRUMENT_SCHEMA
from lakehouse.schema.tables import CONTRACTS

_CONTRACT = CONTRACTS["raw.instruments"]
_SAID = [name for name in INSTRUMENT_SCHEMA if name != "symbol"]


def content_hashes(instruments: pl.DataFrame) -> list[str]:
    """Return the SHA-256 of what is said of each instrument, in the order of the rows."""
    rows = instruments.select(["symbol", *_SAID]).iter_rows(named=True)
    return [hashlib.sha256(json.dumps(row, sort_keys=True, default=str).encode()).hexdigest() for row in rows]


def next_versions(
    told: pl.DataFrame, held: pl.DataFrame, *, source: str, at: dt.datetime, is_complete: bool
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Decide what an answer changes.

    The version valid at `at` is compared: the same content changes nothing; another closes it and starts a new one
    that ends where the closed one ended, so landing an earlier `as_of` after a later one keeps both readable.

    Parameters
    ----------
    told : pl.DataFrame
        `INSTRUMENT_SCHEMA`, one row for each symbol.
    held : pl.DataFrame
        `raw.instruments` of this source.
    is_complete : bool
        Whether `told` is all that the source has; then a version of a symbol that it does not name is closed.

    Returns
    -------
    changed, gone : pl.DataFrame
        Rows to upsert, and the keys of versions that would be left without any validity.
    """
    valid = held.filter((pl.col("valid_from") <= at) & (pl.col("valid_to").is_null() | (pl.col("valid_to") > at)))
    current = {row["symbol"]: row for row in valid.iter_rows(named=True)}
    later = dict(held.filter(pl.col("valid_from") > at).group_by("symbol").agg(pl.col("valid_from").min()).iter_rows())
    changed: list[dict[str, Any]] = []
    gone: list[dict[str, Any]] = []
    for row, digest in zip(told.iter_rows(named=True), content_hashes(told), strict=True):
        known = current.get(row["symbol"])
        if known is not None and known["content_hash"] == digest:
            continue
        if known is not None and known["valid_from"] < at:
            changed.append({**known, "valid_to": at})
        ends = known["valid_to"] if known is not None else later.get(row["symbol"])
        changed.append({**row, "source": source, "content_hash": digest, "valid_from": at, "valid_to": ends})
    if is_complete:
        named = set(told["symbol"])
        for symbol, known in sorted(current.items()):
            if symbol not in named:
                (changed if known["valid_from"] < at else gone).append({**known, "valid_to": at})
    return _frame(changed).select(_CONTRACT.names), _frame(gone).select(_CONTRACT.grain)


def _frame(rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
    schema = {
        **INSTRUMENT_SCHEMA,
        "source": pl.String(),
        "content_hash": pl.String(),
        "valid_from": pl.Datetime("us"),
        "valid_to": pl.Datetime("us"),
    }
    return pl.DataFrame(list(rows), schema=schema)
