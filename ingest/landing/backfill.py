"""Plan requests for missing sessions (repair), unhealthy series (refresh) and failed fetches (recover)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import polars as pl

from ingest.landing.scope import LandingScope
from ingest.reference.calendars import all_sessions, last_completed_session
from ingest.reference.venues import Venues
from ingest.sources.protocol import DAILY, BarRequest
from lakehouse.connection.catalog import Lake

_HELD = (
    "select symbol, session_date from raw.bars where source = ? and interval = ? and is_final "
    "and symbol in (select unnest(?)) and session_date <= ?"
)
_FAILED = (
    "select symbol, requested_from, status from raw.fetches where source = ? and interval = ? and started_at >= ? "
    "qualify row_number() over (partition by symbol order by started_at desc, attempt desc) = 1"
)
_UNHEALTHY = (
    "with judged as (select health.*, runs.started_at from results.health as health inner join scope.runs as runs "
    "on health.run_id = runs.run_id where runs.source = ?) "
    "select distinct symbol from judged where started_at = (select max(started_at) from judged) "
    "and status not in (select unnest(?)) order by symbol"
)
_HEALTHY = ("OK", "SHORT")


def known_symbols(lake: Lake, source: str) -> list[str]:
    """Return the symbols of a source with metadata or bars in the lake, sorted."""
    rows = lake.rows(
        "select symbol from raw.instruments where source = ? union select symbol from raw.bars where source = ? order by 1",
        [source, source],
    )
    return [symbol for (symbol,) in rows]


def calendars_of(symbols: Sequence[str], venues: Venues) -> pl.DataFrame:
    """Return the calendar of each symbol, in the columns symbol and calendar.

    Raises
    ------
    UnknownVenueError
        When a venue has no calendar.
    """
    frame = pl.DataFrame({"symbol": sorted(set(symbols))}, schema={"symbol": pl.String})
    venue = pl.col("symbol").str.splitn(":", 2).struct.field("field_0")
    of_venue = venues.calendars_of(frame.select(venue.alias("venue"))["venue"])
    return frame.with_columns(venue.replace_strict(of_venue, return_dtype=pl.String).alias("calendar"))


def gap_requests(lake: Lake, source: str, calendars: pl.DataFrame, landing: LandingScope) -> list[BarRequest]:
    """Plan one request for each span of missing sessions, the newest span first.

    Sessions before the first bar of a series are not missing; a symbol without bars is requested for all sessions in
    scope. Each span includes the session before and after it, so that jumps are checked against the neighbouring bars.

    Parameters
    ----------
    calendars : pl.DataFrame
        symbol, calendar of the symbols to repair.
    landing : LandingScope
        Its `first` and `last` bound the repaired sessions.
    """
    symbols = calendars["symbol"].to_list()
    held = lake.query(_HELD, [source, DAILY, symbols, landing.last])
    spans: dict[tuple[dt.date | None, dt.date], list[str]] = {}
    days = {name: _due_sessions(name, landing) for name in calendars["calendar"].unique()}
    of_symbol = {symbol: rows["session_date"] for (symbol,), rows in held.group_by("symbol")}
    for symbol, calendar in calendars.iter_rows():
        if symbol not in of_symbol:
            spans.setdefault((landing.first, landing.last), []).append(symbol)
            continue
        for span in _missing_spans(days[calendar], of_symbol[symbol], landing.first):
            spans.setdefault(span, []).append(symbol)
    ordered = sorted(spans, key=lambda span: (span[1], span[0] or dt.date.min), reverse=True)
    return [landing.bar_request(spans[span], *span) for span in ordered]


def _due_sessions(calendar: str, landing: LandingScope) -> pl.Series:
    """Return the sessions of a calendar up to the last completed one, in the scope of the landing."""
    due = last_completed_session(calendar, landing.as_of_at, landing.settle_minutes)
    known = all_sessions(calendar)["session_date"]
    return known.filter(known <= min(due or dt.date.min, landing.last))


def _missing_spans(days: pl.Series, held: pl.Series, first: dt.date | None) -> list[tuple[dt.date, dt.date]]:
    """Return first and last session of every run of missing sessions, including the session before and after it."""
    begins = max(held.min(), first or dt.date.min)  # type: ignore[type-var]
    expected = days.filter(days >= begins).sort()
    is_missing = (~expected.is_in(held.implode())).to_list()
    spans: list[tuple[dt.date, dt.date]] = []
    start = 0
    while start < len(is_missing):
        if not is_missing[start]:
            start += 1
            continue
        end = start
        while end + 1 < len(is_missing) and is_missing[end + 1]:
            end += 1
        spans.append((expected[max(start - 1, 0)], expected[min(end + 1, len(is_missing) - 1)]))
        start = end + 1
    return spans


def unhealthy_symbols(lake: Lake, source: str) -> list[str]:
    """Return the symbols whose health the newest run of a source recorded as not good; none before the first run."""
    return [symbol for (symbol,) in lake.rows(_UNHEALTHY, [source, list(_HEALTHY)])]


def whole_requests(symbols: Sequence[str], landing: LandingScope) -> list[BarRequest]:
    """Request all sessions in scope of the symbols, whatever the lake has."""
    return [landing.bar_request(symbols, landing.first)] if symbols else []


def failed_requests(
    lake: Lake, source: str, landing: LandingScope, *, days: int, symbols: Sequence[str] | None = None
) -> list[BarRequest]:
    """Request the symbols whose newest attempt in the last `days` days failed again."""
    since = landing.fetched_at - dt.timedelta(days=days)
    failed: dict[dt.date | None, list[str]] = {}
    for symbol, first, status in lake.rows(_FAILED, [source, DAILY, since]):
        if status == "failed" and (symbols is None or symbol in symbols):
            failed.setdefault(first, []).append(symbol)
    return [landing.bar_request(failed[first], first) for first in sorted(failed, key=str)]
