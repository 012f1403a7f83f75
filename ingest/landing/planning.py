"""Which symbols must be asked for: the stale, the missing and the incomplete (selective sync)."""

from __future__ import annotations

import datetime as dt

import polars as pl

from ingest.reference.calendars import all_sessions, last_completed_session
from ingest.sources.landing_request import Landing
from ingest.sources.protocol import DAILY, BarRequest
from lakehouse.connection.catalog import Lake

_HELD = (
    "select symbol, min(session_date) as first_held, max(session_date) as last_held, count(*) as n_held "
    "from raw.bars where source = ? and interval = ? and is_final group by symbol"
)
_ASKED = (
    "select symbol, min(coalesce(requested_from, date '0001-01-01')) as asked_from "
    "from raw.fetches where source = ? and interval = ? and status = 'ok' group by symbol"
)


def plan_requests(lake: Lake, source: str, calendars: pl.DataFrame, landing: Landing) -> list[BarRequest]:
    """Group the symbols that must be asked for by the first session each needs.

    A symbol is fresh when its last final bar is the last completed session, no session between its first and that one
    is missing, and the span asked for was covered before (age of files or rows plays no part). A symbol that is only
    stale is asked from its last accepted bar on, so that a jump there is judged again with what followed; any other
    is asked in whole. Without `landing.backfill` no history before the first held bar is asked for, without
    `landing.gap_fill` no missing session; a symbol that has no bar at all is always asked for.

    Parameters
    ----------
    calendars : pl.DataFrame
        symbol, calendar.
    """
    held = lake.query(_HELD, [source, DAILY])
    asked = lake.query(_ASKED, [source, DAILY])
    state = (
        calendars.join(_due(calendars, landing), on="calendar", how="left")
        .join(held, on="symbol", how="left")
        .join(asked, on="symbol", how="left")
    )
    expected = _expected(state)
    wanted_from = landing.first or dt.date(1, 1, 1)
    is_covered = (pl.col("asked_from") <= wanted_from) | (pl.col("first_held") <= wanted_from)
    if not landing.backfill:
        is_covered = pl.col("first_held").is_not_null()
    has_no_gap = pl.col("n_held") == expected if landing.gap_fill else pl.col("n_held") > 0
    is_whole = has_no_gap & is_covered
    planned = state.with_columns(
        (is_whole & (pl.col("last_held") == pl.col("last_due"))).fill_null(value=False).alias("is_fresh"),
        pl.when((is_whole & (pl.col("last_held") < pl.col("last_due"))).fill_null(value=False))
        .then("last_held")
        .otherwise(pl.lit(landing.first, dtype=pl.Date))
        .alias("ask_from"),
    ).filter(~pl.col("is_fresh"))
    return [
        BarRequest(tuple(group["symbol"].sort()), first, landing.last, landing.as_of_at, landing.fetched_at)
        for (first,), group in planned.sort("ask_from", nulls_last=True).group_by("ask_from", maintain_order=True)
    ]


def _due(calendars: pl.DataFrame, landing: Landing) -> pl.DataFrame:
    names = calendars["calendar"].unique().sort().to_list()
    last = [last_completed_session(name, landing.as_of_at, landing.settle_minutes) for name in names]
    capped = [None if day is None else min(day, landing.last) for day in last]
    return pl.DataFrame({"calendar": names, "last_due": capped}, schema={"calendar": pl.String, "last_due": pl.Date})


def _expected(state: pl.DataFrame) -> pl.Series:
    """Count the sessions from the first to the last held bar of each symbol."""
    counts: list[int | None] = []
    days = {name: all_sessions(name)["session_date"] for name in state["calendar"].unique()}
    for calendar, first, last in state.select("calendar", "first_held", "last_held").iter_rows():
        if first is None:
            counts.append(None)
            continue
        known = days[calendar]
        counts.append(int(known.search_sorted(last, side="right")) - int(known.search_sorted(first, side="left")))
    return pl.Series("n_expected", counts, dtype=pl.Int64)
