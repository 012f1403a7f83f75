"""Summarise the raw data in the lake: coverage, freshness, quarantine and failed fetches."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl

from ingest.reference.calendars import last_completed_session
from ingest.reference.venues import Venues
from lakehouse.connection.catalog import Lake

_BARS = (
    "select source, symbol, count(*) as n_bars, min(session_date) as first_session, max(session_date) as last_session "
    "from raw.bars where session_date <= ? group by source, symbol"
)
_NEWEST = "select source, symbol, arg_max(asset_class, valid_from) as asset_class from raw.instruments group by all"


def lake_status(lake: Lake, venues: Venues, *, as_of: dt.date, as_of_at: dt.datetime) -> dict[str, Any]:
    """Summarise `raw` by source and class; an instrument is fresh when its last bar is of the last completed session.

    Returns
    -------
    dict
        `as_of`, `snapshot`, `coverage` (rows of source, asset_class, n_symbols, n_fresh, n_bars, first_session,
        last_session), `quarantine` (source, reason, n_rows, n_symbols) and `failures` (symbols whose newest attempt
        failed, with its error).
    """
    bars = lake.query(_BARS, [as_of]).join(lake.query(_NEWEST), on=["source", "symbol"], how="left")
    venue = pl.col("symbol").str.splitn(":", 2).struct.field("field_0")
    due = {
        name: last_completed_session(known.calendar, as_of_at)
        for name, known in venues.by_name.items()
        if name in set(bars.select(venue.alias("venue"))["venue"])
    }
    capped = {name: None if day is None else min(day, as_of) for name, day in due.items()}
    coverage = (
        bars.with_columns(venue.replace_strict(capped, default=None, return_dtype=pl.Date).alias("due"))
        .group_by("source", "asset_class")
        .agg(
            pl.len().alias("n_symbols"),
            (pl.col("last_session") >= pl.col("due")).sum().alias("n_fresh"),
            pl.col("n_bars").sum(),
            pl.col("first_session").min(),
            pl.col("last_session").max(),
        )
        .sort("source", "asset_class")
    )
    quarantine = lake.query(
        "select source, reason, count(*) as n_rows, count(distinct symbol) as n_symbols from raw.quarantine "
        "group by source, reason order by source, reason"
    )
    failures = lake.query(
        "select source, symbol, error from raw.fetches qualify row_number() over "
        "(partition by source, symbol order by started_at desc, attempt desc) = 1 and status = 'failed' "
        "order by source, symbol"
    )
    return {
        "as_of": as_of,
        "snapshot": lake.snapshot_id(),
        "coverage": coverage.to_dicts(),
        "quarantine": quarantine.to_dicts(),
        "failures": failures.to_dicts(),
    }
