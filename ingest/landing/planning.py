"""Plan requests for symbols that are stale, missing or incomplete in the lake (selective sync)."""

from __future__ import annotations

import datetime as dt

import polars as pl

from ingest.landing.scope import LandingScope
from ingest.reference.calendars import all_sessions, last_completed_session
from ingest.sources.protocol import DAILY, BarRequest
from lakehouse.connection.catalog import Lake

_HELD = (
    "select symbol, min(session_date) as first_held, max(session_date) as last_held, count(*) as n_held "
    "from raw.bars where source = ? and interval = ? and is_final group by symbol"
)
_COVERED = (
    "select symbol, min(coalesce(requested_from, date '0001-01-01')) as covered_from "
    "from raw.fetches where source = ? and interval = ? and status = 'ok' group by symbol"
)


def plan_requests(lake: Lake, source: str, calendars: pl.DataFrame, landing: LandingScope) -> list[BarRequest]:
    """Plan one request for each first session that symbols need.

    A symbol is fresh, and not requested, when its last final bar is of the last completed session, no session in between
    is missing, and an earlier fetch covered the first session in scope. A symbol that is only stale is requested from
    its last accepted bar on, so that a jump there is checked again with the bars after it. Any other symbol is requested
    for all sessions in scope. Without `landing.backfill` no history before the first
    held bar is requested, without `landing.gap_fill` no missing session; a symbol without any bar is always requested.

    Parameters
    ----------
    calendars : pl.DataFrame
        symbol, calendar.
    """
    held = lake.query(_HELD, [source, DAILY])
    covered = lake.query(_COVERED, [source, DAILY])
    state = (
        calendars.join(_last_due(calendars, landing), on="calendar", how="left")
        .join(held, on="symbol", how="left")
        .join(covered, on="symbol", how="left")
    )
    expected = _expected_counts(state)
    first = landing.first or dt.date(1, 1, 1)
    is_covered = (pl.col("covered_from") <= first) | (pl.col("first_held") <= first)
    if not landing.backfill:
        is_covered = pl.col("first_held").is_not_null()
    has_no_gap = pl.col("n_held") == expected if landing.gap_fill else pl.col("n_held") > 0
    is_complete = has_no_gap & is_covered
    planned = state.with_columns(
        (is_complete & (pl.col("last_held") == pl.col("last_due"))).fill_null(value=False).alias("is_fresh"),
        pl.when((is_complete & (pl.col("last_held") < pl.col("last_due"))).fill_null(value=False))
        .then("last_held")
        .otherwise(pl.lit(landing.first, dtype=pl.Date))
        .alias("request_from"),
    ).filter(~pl.col("is_fresh"))
    return [
        landing.bar_request(group["symbol"], start)
        for (start,), group in planned.sort("request_from", nulls_last=True).group_by(
            "request_from", maintain_order=True
        )
    ]


def _last_due(calendars: pl.DataFrame, landing: LandingScope) -> pl.DataFrame:
    names = calendars["calendar"].unique().sort().to_list()
    last = [last_completed_session(name, landing.as_of_at, landing.settle_minutes) for name in names]
    capped = [None if day is None else min(day, landing.last) for day in last]
    return pl.DataFrame({"calendar": names, "last_due": capped}, schema={"calendar": pl.String, "last_due": pl.Date})


def _expected_counts(state: pl.DataFrame) -> pl.Series:
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
