"""Check bars and put those that fail into quarantine with a reason.

See docs/method/01-time-sessions-bars.md#1.7.

Every check is a column expression over all series at once. Only a series with a log return beyond 1.5 is processed bar by
bar, since the last accepted close then depends on the checks of earlier bars.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from itertools import pairwise

import polars as pl

from ingest.errors import ColumnMissingError
from ingest.reference.calendars import all_sessions
from ingest.sources.protocol import BAR_SCHEMA, REFUSED_SCHEMA
from lakehouse.paths import SYMBOL_PATTERN

JUMP_LIMIT_LOG = 1.5
REASONS = (
    "bad_symbol",
    "missing_column",
    "future_session",
    "not_finite",
    "not_positive",
    "inconsistent_ohlc",
    "negative_volume",
    "not_a_session",
    "duplicate_conflict",
    "unconfirmed_jump",
)

_PRICES = ("open", "high", "low", "close", "adj_close")
_OHLC = ("open", "high", "low")
_VALUES = (*_OHLC, "close", "volume", "adj_close")
_KEY = ("symbol", "session_date")


@dataclass(frozen=True, slots=True)
class CheckedBars:
    """Accepted and quarantined bars of one batch.

    Attributes
    ----------
    accepted : pl.DataFrame
        symbol, session_date, open, high, low, close, volume, adj_close, is_close_only; sorted by key, keys unique.
    quarantined : pl.DataFrame
        `REFUSED_SCHEMA`; sorted.
    n_unfinished : int
        Bars of sessions that had not closed; they are neither stored nor faulty
        (docs/method/01-time-sessions-bars.md#1.3).
    """

    accepted: pl.DataFrame
    quarantined: pl.DataFrame
    n_unfinished: int


def check_bars(
    bars: pl.DataFrame,
    calendars: pl.DataFrame,
    *,
    as_of_at: dt.datetime,
    fetched_at: dt.datetime,
    settle_minutes: int = 10,
    last_accepted: pl.DataFrame | None = None,
) -> CheckedBars:
    """Check bars and separate those that may be used from those that go to quarantine.

    The result depends on the set of rows only, not on their order or repetitions, and on no bar of a session that had
    not closed at `as_of_at`.

    See docs/method/01-time-sessions-bars.md#1.3, 1.7.

    Parameters
    ----------
    bars : pl.DataFrame
        `BAR_SCHEMA`.
    calendars : pl.DataFrame
        symbol, calendar: one row for each symbol of `bars`.
    as_of_at, fetched_at : datetime
        Clock of the run and time of the fetch, naive UTC. A session later than both is a future one.
    settle_minutes : int
        Minutes after its close at which a session counts as settled.
    last_accepted : pl.DataFrame, optional
        symbol, reference: last accepted price before these bars, of symbols with earlier bars.

    Raises
    ------
    ColumnMissingError
        When a column of `BAR_SCHEMA` is absent, or a symbol has no row in `calendars`.
    """
    missing = [name for name in BAR_SCHEMA if name not in bars.columns]
    if missing:
        raise ColumnMissingError(f"bars lack the columns {', '.join(missing)}; a source returns BAR_SCHEMA")
    dated = _with_sessions(_distinct(bars.select(list(BAR_SCHEMA))), calendars)
    limit = as_of_at - dt.timedelta(minutes=settle_minutes)
    future_after = max(fetched_at, as_of_at).date()
    is_future = pl.col("session_date") > future_after
    is_open = pl.col("closes_at").is_not_null() & (pl.col("closes_at") > limit)
    # A date without a session has no close; its bar is due when the day is over.
    is_later = pl.col("closes_at").is_null() & (
        pl.col("session_date").cast(pl.Datetime("us")).dt.offset_by("1d") > limit
    )
    due = dated.filter((is_future | ~(is_open | is_later)).fill_null(value=True))
    checked = due.with_columns(_row_reason(future_after))
    conflicts = checked.filter(pl.struct(_KEY).is_duplicated() & pl.col("reason").ne_missing("bad_symbol"))
    if conflicts.height:
        checked = _mark_conflicts(checked, conflicts)
    usable = checked.filter(pl.col("reason").is_null()).sort(_KEY)
    jumps = _unconfirmed_jumps(usable, last_accepted)
    accepted = usable if jumps.is_empty() else usable.join(jumps, on=list(_KEY), how="anti", maintain_order="left")
    refused = [checked.filter(pl.col("reason").is_not_null()).select(list(REFUSED_SCHEMA))]
    if jumps.height:
        refused.append(
            usable.drop("reason", "detail").join(jumps, on=list(_KEY), how="inner").select(list(REFUSED_SCHEMA))
        )
    return CheckedBars(
        accepted.select(*_KEY, *_VALUES, _is_close_only().alias("is_close_only")),
        pl.concat(refused).sort(*_KEY, "reason", "row_number", nulls_last=True),
        dated.height - due.height,
    )


def _distinct(bars: pl.DataFrame) -> pl.DataFrame:
    """Drop exact repetitions of a row; the first one is kept."""
    content = [*_KEY, *_VALUES]
    if not bars.select(_KEY).is_duplicated().any():
        return bars
    return bars.sort("row_number").unique(subset=content, keep="first", maintain_order=True)


def _with_sessions(bars: pl.DataFrame, calendars: pl.DataFrame) -> pl.DataFrame:
    known = calendars.select("symbol", "calendar").unique()
    unknown = bars.select(pl.col("symbol").unique()).join(known, on="symbol", how="anti")["symbol"].drop_nulls()
    without_calendar = unknown.filter(unknown.str.contains(SYMBOL_PATTERN))
    if without_calendar.len():
        raise ColumnMissingError(f"symbol {without_calendar.sort()[0]!r} has no calendar in the frame of calendars")
    days = [all_sessions(name).select("calendar", "session_date", "closes_at") for name in known["calendar"].unique()]
    joined = bars.join(known, on="symbol", how="left")
    if not days:
        return joined.with_columns(pl.lit(None, dtype=pl.Datetime("us")).alias("closes_at"))
    return joined.join(pl.concat(days), on=["calendar", "session_date"], how="left")


def _is_close_only() -> pl.Expr:
    return pl.all_horizontal(pl.col(name).is_null() for name in _OHLC)


def _row_reason(future_after: dt.date) -> list[pl.Expr]:
    """Return reason and detail of each row by itself; the first check that fails gives the reason."""
    full = ~_is_close_only()
    unusable = [pl.col("close").is_null(), *(full & pl.col(name).is_null() for name in _OHLC)]
    infinite = [pl.col(name).is_not_null() & ~pl.col(name).is_finite() for name in (*_PRICES, "volume")]
    consistent = (pl.col("low") <= pl.min_horizontal("open", "close")) & (
        pl.max_horizontal("open", "close") <= pl.col("high")
    )
    values = pl.format(
        "open {} high {} low {} close {} volume {} adj_close {}",
        *(pl.col(name).cast(pl.String).fill_null("none") for name in _VALUES),
    )
    rules: tuple[tuple[str, pl.Expr, pl.Expr], ...] = (
        (
            "bad_symbol",
            ~pl.col("symbol").str.contains(SYMBOL_PATTERN) | pl.col("symbol").is_null(),
            pl.lit("not VENUE:TICKER"),
        ),
        ("missing_column", pl.col("session_date").is_null(), pl.lit("the row has no date")),
        (
            "future_session",
            pl.col("session_date") > future_after,
            pl.format("later than {}", pl.lit(future_after.isoformat())),
        ),
        ("not_finite", pl.any_horizontal(*unusable, *infinite), values),
        ("not_positive", pl.any_horizontal(pl.col(name) <= 0 for name in _PRICES), values),
        ("inconsistent_ohlc", full & ~consistent, values),
        ("negative_volume", pl.col("volume") < 0, values),
        (
            "not_a_session",
            pl.col("closes_at").is_null(),
            pl.format("{} has no session on this date", pl.col("calendar")),
        ),
    )
    reason, detail = pl.lit(None, dtype=pl.String), pl.lit(None, dtype=pl.String)
    for name, fails, text in reversed(rules):
        reason = pl.when(fails).then(pl.lit(name)).otherwise(reason)
        detail = pl.when(fails).then(text).otherwise(detail)
    return [reason.alias("reason"), detail.alias("detail")]


def _mark_conflicts(checked: pl.DataFrame, conflicts: pl.DataFrame) -> pl.DataFrame:
    """Mark every bar of a key with several different bars, since none of them is known to be right."""
    counts = conflicts.group_by(_KEY).agg(pl.len().alias("n_bars"))
    marked = checked.join(counts, on=list(_KEY), how="left")
    is_conflict = pl.col("n_bars").is_not_null() & pl.col("reason").is_null()
    return marked.with_columns(
        pl.when(is_conflict).then(pl.lit("duplicate_conflict")).otherwise("reason").alias("reason"),
        pl.when(is_conflict)
        .then(pl.format("one of {} different bars of this session", "n_bars"))
        .otherwise("detail")
        .alias("detail"),
    ).drop("n_bars")


def _unconfirmed_jumps(usable: pl.DataFrame, last_accepted: pl.DataFrame | None) -> pl.DataFrame:
    """Return the jumps that the next bar does not confirm: symbol, session_date, reason, detail."""
    schema = {"symbol": pl.String, "session_date": pl.Date, "reason": pl.String, "detail": pl.String}
    level = pl.coalesce("adj_close", "close").log()
    series = usable.select(*_KEY, level.alias("level"))
    before = pl.DataFrame(schema={"symbol": pl.String, "first_level": pl.Float64})
    if last_accepted is not None:
        before = last_accepted.select("symbol", pl.col("reference").log().alias("first_level"))
    joined = series.join(before, on="symbol", how="left", maintain_order="left").with_columns(
        pl.coalesce(pl.col("level").shift(1).over("symbol"), "first_level").alias("previous")
    )
    suspects = joined.filter((pl.col("level") - pl.col("previous")).abs() > JUMP_LIMIT_LOG)["symbol"].unique()
    rows: list[tuple[str, dt.date, str, str]] = []
    for (symbol,), one in joined.filter(pl.col("symbol").is_in(suspects.implode())).group_by(
        "symbol", maintain_order=True
    ):
        found = _jumps_of_series(one["level"].to_list(), one["first_level"][0])
        dates = one["session_date"]
        rows += [(str(symbol), dates[index], "unconfirmed_jump", detail) for index, detail in found]
    return pl.DataFrame(rows, schema=schema, orient="row")


def _jumps_of_series(levels: list[float], accepted: float | None) -> list[tuple[int, str]]:
    """Return index and description of the unconfirmed jumps in one series of log prices."""
    found: list[tuple[int, str]] = []
    for index, (level, following) in enumerate(pairwise([*levels, math.nan])):
        if accepted is None or abs(level - accepted) <= JUMP_LIMIT_LOG or _confirms(following, level, accepted):
            accepted = level
            continue
        then = "no later bar yet" if math.isnan(following) else f"next bar {following - level:+.3f}"
        found.append((index, f"log return {level - accepted:+.3f} against the last accepted close, {then}"))
    return found


def _confirms(following: float, level: float, accepted: float) -> bool:
    """Return whether the next bar confirms a level: close to it, and closer than to the last accepted one."""
    distance = abs(following - level)
    return distance <= JUMP_LIMIT_LOG and distance < abs(following - accepted)
