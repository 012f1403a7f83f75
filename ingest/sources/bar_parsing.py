"""Parse rows of a response into bars: number formats, session dates, the requested span."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import polars as pl

from ingest.errors import MalformedError, Origin
from ingest.reference.calendars import EVENING_CALENDARS, all_sessions, session_date_of
from ingest.sources.protocol import BAR_SCHEMA, BarRequest

# A timestamp in seconds outside these years is in another unit, or was not set.
_EARLIEST_S = int(dt.datetime(1980, 1, 1, tzinfo=dt.UTC).timestamp())
_LATEST_S = int(dt.datetime(2100, 1, 1, tzinfo=dt.UTC).timestamp())
_LONGEST_PREMARKET = "14h"
SETTLE_MINUTES = 10

BarRow = tuple[float, float | None, float | None, float | None, float | None, float | None, float | None]
"""Epoch seconds, open, high, low, close, volume, adjusted close."""


def bars_of(rows: Sequence[BarRow], symbol: str, calendar: str, request: BarRequest, origin: Origin) -> pl.DataFrame:
    """Return the requested bars in `BAR_SCHEMA`, dated by their session, sorted by time.

    A bar of a session that had not closed at the time of the fetch is not final and left out, whatever the clock of
    the run (docs/method/01-time-sessions-bars.md#1.3). A bar that opens after that time is kept, so that quarantine
    refuses and reports it.

    Raises
    ------
    MalformedError
        When a timestamp is not one in seconds between 1980 and 2100.
    """
    for row in rows:
        if not _EARLIEST_S <= row[0] < _LATEST_S:
            raise MalformedError(
                origin,
                f"a bar has the time {row[0]:g}, which is no time in seconds",
                "nothing of the response was used; report it to the service",
            )
    frame = pl.DataFrame(
        sorted(rows, key=lambda row: row[0]),
        schema=dict.fromkeys(("stamp", "open", "high", "low", "close", "volume", "adj_close"), pl.Float64()),
        orient="row",
    ).with_columns(
        pl.from_epoch(pl.col("stamp").floor().cast(pl.Int64), time_unit="s").cast(pl.Datetime("us")).alias("opened_at")
    )
    date, fetched_at = pl.col("session_date"), request.fetched_at
    is_requested = date <= request.last if request.first is None else date.is_between(request.first, request.last)
    closes = all_sessions(calendar).select("session_date", "closes_at")
    settled = pl.lit(fetched_at - dt.timedelta(minutes=SETTLE_MINUTES), dtype=pl.Datetime("us"))
    is_later = pl.col("opened_at") > fetched_at
    is_running = ~is_later & (pl.col("closes_at") > settled).fill_null(value=False)
    return (
        with_sessions(frame, calendar)
        .join(closes, on="session_date", how="left", maintain_order="left")
        .filter((is_requested & ~is_running) | is_later)
        .with_columns(pl.lit(symbol).alias("symbol"), pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("row_number"))
        .select(list(BAR_SCHEMA))
    )


def midnight_s(day: dt.date) -> int:
    """Return the epoch seconds at which a day begins in UTC."""
    return int(dt.datetime.combine(day, dt.time(), tzinfo=dt.UTC).timestamp())


def with_sessions(frame: pl.DataFrame, calendar: str) -> pl.DataFrame:
    """Add the `session_date` of rows with a time `opened_at` (naive UTC), by the sessions of their calendar.

    See docs/method/01-time-sessions-bars.md#1.1.

    A session that opens on the evening before its date in UTC (Sydney, FX, futures) is found by its hours. A time
    outside every session keeps its date; quarantine refuses the bar.
    """
    if calendar in EVENING_CALENDARS:
        return frame.with_columns(session_date_of(pl.col("opened_at"), pl.lit(calendar)).alias("session_date"))
    known = all_sessions(calendar).select("session_date", "opens_at", "closes_at").sort("closes_at")
    joined = frame.sort("opened_at").join_asof(
        known, left_on="opened_at", right_on="closes_at", strategy="forward", allow_exact_matches=False
    )
    is_near = pl.col("opens_at").dt.offset_by(f"-{_LONGEST_PREMARKET}") <= pl.col("opened_at")
    return joined.with_columns(
        pl.when(is_near).then("session_date").otherwise(pl.col("opened_at").dt.date()).alias("session_date")
    ).drop("opens_at", "closes_at")


def n_sessions(calendar: str, request: BarRequest) -> int | None:
    """Count the sessions from the first requested one to the fetch; None where the request has no first session."""
    if request.first is None:
        return None
    days = all_sessions(calendar)["session_date"]
    return int(days.is_between(request.first, max(request.first, request.fetched_at.date())).sum())


def number(value: object, origin: Origin, name: str) -> float | None:
    """Parse a number, given as number or text, of a response; null becomes None.

    Parameters
    ----------
    name : str
        Field, for the message.

    Raises
    ------
    MalformedError
        When the value is anything else.
    """
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return float("inf")
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            pass
    raise MalformedError(
        origin, f"{name} is {type(value).__name__} and no number", "nothing of the response was used; report it"
    )
