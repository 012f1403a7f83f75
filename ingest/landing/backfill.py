"""What must be asked for again: gaps, series that are ill, and what failed (repair, refresh, recover)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import polars as pl

from ingest.reference.calendars import all_sessions, last_completed_session
from ingest.reference.venues import Venues
from ingest.sources.landing_request import Landing
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
_WELL = ("OK", "SHORT")


def known_symbols(lake: Lake, source: str) -> list[str]:
    """Every symbol of a source that the lake knows by metadata or by bars, sorted."""
    rows = lake.rows(
        "select symbol from raw.instruments where source = ? union select symbol from raw.bars where source = ? order by 1",
        [source, source],
    )
    return [symbol for (symbol,) in rows]


def calendars_of(symbols: Sequence[str], venues: Venues) -> pl.DataFrame:
    """The calendar of each symbol: columns symbol, calendar.

    Raises
    ------
    UnknownVenueError
        For a venue without a calendar.
    """
    frame = pl.DataFrame({"symbol": sorted(set(symbols))}, schema={"symbol": pl.String})
    venue = pl.col("symbol").str.splitn(":", 2).struct.field("field_0")
    of_venue = venues.calendars_of(frame.select(venue.alias("venue"))["venue"])
    return frame.with_columns(venue.replace_strict(of_venue, return_dtype=pl.String).alias("calendar"))


def gap_requests(lake: Lake, source: str, calendars: pl.DataFrame, landing: Landing) -> list[BarRequest]:
    """One request for each span of missing sessions, the newest span first; nothing that is held is asked for.

    A series begins at its first bar, so nothing before its genesis is a gap; a symbol without any bar is asked for in
    whole. Each span is asked with the bars that stand beside it, so that a jump is judged with its neighbours.

    Parameters
    ----------
    calendars : pl.DataFrame
        symbol, calendar of what is to be repaired.
    landing : Landing
        Its `first` and `last` bound what is repaired.
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
    return [_request(spans[span], span[0], span[1], landing) for span in ordered]


def _due_sessions(calendar: str, landing: Landing) -> pl.Series:
    """Sessions of a calendar up to the last that was completed at the landing's clock."""
    due = last_completed_session(calendar, landing.as_of_at, landing.settle_minutes)
    known = all_sessions(calendar)["session_date"]
    return known.filter(known <= min(due or dt.date.min, landing.last))


def _missing_spans(days: pl.Series, held: pl.Series, first: dt.date | None) -> list[tuple[dt.date, dt.date]]:
    """First and last session of every run of missing sessions, each widened by the session beside it."""
    begins = max(held.min(), first or dt.date.min)  # type: ignore[type-var]
    expected = days.filter(days >= begins).sort()
    is_missing = (~expected.is_in(held.implode())).to_list()
    spans: list[tuple[dt.date, dt.date]] = []
    place = 0
    while place < len(is_missing):
        if not is_missing[place]:
            place += 1
            continue
        end = place
        while end + 1 < len(is_missing) and is_missing[end + 1]:
            end += 1
        spans.append((expected[max(place - 1, 0)], expected[min(end + 1, len(is_missing) - 1)]))
        place = end + 1
    return spans


def unhealthy_symbols(lake: Lake, source: str) -> list[str]:
    """Symbols whose health, when the marts were last built, may not be built upon; none where they never were."""
    if not lake.table_exists("marts.data_health"):
        return []
    rows = lake.rows(
        "select symbol from marts.data_health where status not in (select unnest(?)) "
        "and symbol in (select symbol from raw.instruments where source = ?) order by symbol",
        [list(_WELL), source],
    )
    return [symbol for (symbol,) in rows]


def whole_requests(symbols: Sequence[str], landing: Landing) -> list[BarRequest]:
    """Ask for the landing's whole span, whatever is held."""
    return [_request(symbols, landing.first, landing.last, landing)] if symbols else []


def failed_requests(
    lake: Lake, source: str, landing: Landing, *, days: int, symbols: Sequence[str] | None = None
) -> list[BarRequest]:
    """Ask again for what failed: each symbol whose newest attempt of the last `days` days was not answered."""
    since = landing.fetched_at - dt.timedelta(days=days)
    asked: dict[dt.date | None, list[str]] = {}
    for symbol, first, status in lake.rows(_FAILED, [source, DAILY, since]):
        if status == "failed" and (symbols is None or symbol in symbols):
            asked.setdefault(first, []).append(symbol)
    return [_request(asked[first], first, landing.last, landing) for first in sorted(asked, key=str)]


def _request(symbols: Sequence[str], first: dt.date | None, last: dt.date, landing: Landing) -> BarRequest:
    return BarRequest(tuple(sorted(symbols)), first, last, landing.as_of_at, landing.fetched_at)
