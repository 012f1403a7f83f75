"""Compute the versions of instrument metadata in time (SCD2)."""

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
_CONTENT = [name for name in INSTRUMENT_SCHEMA if name != "symbol"]


def content_hashes(instruments: pl.DataFrame) -> list[str]:
    """Return the SHA-256 of the metadata of each instrument, in the order of the rows."""
    rows = instruments.select(["symbol", *_CONTENT]).iter_rows(named=True)
    return [hashlib.sha256(json.dumps(row, sort_keys=True, default=str).encode()).hexdigest() for row in rows]


def next_versions(
    instruments: pl.DataFrame, held: pl.DataFrame, *, source: str, at: dt.datetime, is_complete: bool
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Compare instruments with the versions in the lake and return what changes.

    The same content as in the version valid at `at` changes nothing. Other content closes that version and starts a new
    one, which ends where the closed one ended, so that an earlier `as_of` can be landed after a later one.

    Parameters
    ----------
    instruments : pl.DataFrame
        `INSTRUMENT_SCHEMA`, one row for each symbol.
    held : pl.DataFrame
        `raw.instruments` of this source.
    at : datetime
        Time from which the instruments are valid, naive UTC.
    is_complete : bool
        Whether `instruments` is all that the source has; then the versions of other symbols are closed.

    Returns
    -------
    changed, removed : pl.DataFrame
        Rows to upsert, and keys of the versions that would not be valid at any time.
    """
    valid = held.filter((pl.col("valid_from") <= at) & (pl.col("valid_to").is_null() | (pl.col("valid_to") > at)))
    current = {row["symbol"]: row for row in valid.iter_rows(named=True)}
    later = dict(held.filter(pl.col("valid_from") > at).group_by("symbol").agg(pl.col("valid_from").min()).iter_rows())
    changed: list[dict[str, Any]] = []
    removed: list[dict[str, Any]] = []
    for row, digest in zip(instruments.iter_rows(named=True), content_hashes(instruments), strict=True):
        known = current.get(row["symbol"])
        if known is not None and known["content_hash"] == digest:
            continue
        if known is not None and known["valid_from"] < at:
            changed.append({**known, "valid_to": at})
        ends = known["valid_to"] if known is not None else later.get(row["symbol"])
        changed.append({**row, "source": source, "content_hash": digest, "valid_from": at, "valid_to": ends})
    if is_complete:
        current_symbols = set(instruments["symbol"])
        for symbol, known in sorted(current.items()):
            if symbol not in current_symbols:
                (changed if known["valid_from"] < at else removed).append({**known, "valid_to": at})
    return _frame(changed).select(_CONTRACT.names), _frame(removed).select(_CONTRACT.grain)


def _frame(rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
    schema = {
        **INSTRUMENT_SCHEMA,
        "source": pl.String(),
        "content_hash": pl.String(),
        "valid_from": pl.Datetime("us"),
        "valid_to": pl.Datetime("us"),
    }
    return pl.DataFrame(list(rows), schema=schema)
