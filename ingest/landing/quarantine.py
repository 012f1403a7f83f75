"""Which bars may be used, and which are kept aside with a reason.

See docs/method/01-time-sessions-bars.md#1.7.

Every rule is a column expression over all series at once; only a series in which some close is more than 1.5 (log) away
from the one before it is walked bar by bar, since there "the last accepted close" depends on earlier verdicts.
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
class Verdict:
    """What became of the bars of one answer.

    Attributes
    ----------
    accepted : pl.DataFrame
        symbol, session_date, open, high, low, close, volume, adj_close, is_close_only; sorted by key, keys unique.
    quarantined : pl.DataFrame
        `REFUSED_SCHEMA`; sorted.
    n_unfinished : int
        Bars of sessions that had not closed: neither stored nor wrong (docs/method/01-time-sessions-bars.md#1.3).
    """

    accepted: pl.DataFrame
    quarantined: pl.DataFrame
    n_unfinished: int


def judge(
    bars: pl.DataFrame,
    calendars: pl.DataFrame,
    *,
    as_of_at: dt.datetime,
    fetched_at: dt.datetime,
    settle_minutes: int = 10,
    last_accepted: pl.DataFrame | None = None,
) -> Verdict:
    """Decide for every bar whether it may be used.

    See docs/method/01-time-sessions-bars.md#1.3, 1.7.

    The verdict depends on the set of rows only, neither on their order nor on how often one is repeated, and on no bar
    of a session that had not closed at `as_of_at`.

    Parameters
    ----------
    bars : pl.DataFrame
        `BAR_SCHEMA`.
    calendars : pl.DataFrame
        symbol, calendar: one row for each symbol of `bars`.
    as_of_at, fetched_at : datetime
        The run's clock and the clock of the fetch, naive UTC. A session later than both is a future one.
    last_accepted : pl.DataFrame, optional
        symbol, reference: the last price accepted before these bars, where some were stored earlier.

    Raises
    ------
    ColumnMissingError
        When a column of `BAR_SCHEMA` is absent, or a symbol has no calendar.
    """
    missing = [name for name in BAR_SCHEMA if name not in bars.columns]
    if missing:
        raise ColumnMissingError(f"bars lack the columns {', '.join(missing)}; a source hands over BAR_SCHEMA")
    dated = _with_sessions(_distinct(bars.select(list(BAR_SCHEMA))), calendars)
    limit = as_of_at - dt.timedelta(minutes=settle_minutes)
    future_after = max(fetched_at, as_of_at).date()
    is_future = pl.col("session_date") > future_after
    is_open = pl.col("closes_at").is_not_null() & (pl.col("closes_at") > limit)
    # A date that is no session has no close; it is due when its day is over.
    is_later = pl.col("closes_at").is_null() & (
        pl.col("session_date").cast(pl.Datetime("us")).dt.offset_by("1d") > limit
    )
    due = dated.filter((is_future | ~(is_open | is_later)).fill_null(value=True))
    judged = due.with_columns(_row_reason(future_after))
    conflicts = judged.filter(pl.struct(_KEY).is_duplicated() & pl.col("reason").ne_missing("bad_symbol"))
    if conflicts.height:
        judged = _mark_conflicts(judged, conflicts)
    sound = judged.filter(pl.col("reason").is_null()).sort(_KEY)
    jumps = _unconfirmed(sound, last_accepted)
    accepted = sound if jumps.is_empty() else sound.join(jumps, on=list(_KEY), how="anti", maintain_order="left")
    refused = [judged.filter(pl.col("reason").is_not_null()).select(list(REFUSED_SCHEMA))]
    if jumps.height:
        refused.append(
            sound.drop("reason", "detail").join(jumps, on=list(_KEY), how="inner").select(list(REFUSED_SCHEMA))
        )
    return Verdict(
        accepted.select(*_KEY, *_VALUES, _is_close_only().alias("is_close_only")),
        pl.concat(refused).sort(*_KEY, "reason", "row_number", nulls_last=True),
        dated.height - due.height,
    )


def _distinct(bars: pl.DataFrame) -> pl.DataFrame:
    """Collapse exact repetitions of a row; the first place where it stood is kept."""
    said = [*_KEY, *_VALUES]
    if not bars.select(_KEY).is_duplicated().any():
        return bars
    return bars.sort("row_number").unique(subset=said, keep="first", maintain_order=True)


def _with_sessions(bars: pl.DataFrame, calendars: pl.DataFrame) -> pl.DataFrame:
    known = calendars.select("symbol", "calendar").unique()
    strangers = bars.select(pl.col("symbol").unique()).join(known, on="symbol", how="anti")["symbol"].drop_nulls()
    unplaced = strangers.filter(strangers.str.contains(SYMBOL_PATTERN))
    if unplaced.len():
        raise ColumnMissingError(f"symbol {unplaced.sort()[0]!r} has no calendar in the frame handed to judge()")
    days = [all_sessions(name).select("calendar", "session_date", "closes_at") for name in known["calendar"].unique()]
    placed = bars.join(known, on="symbol", how="left")
    if not days:
        return placed.with_columns(pl.lit(None, dtype=pl.Datetime("us")).alias("closes_at"))
    return placed.join(pl.concat(days), on=["calendar", "session_date"], how="left")


def _is_close_only() -> pl.Expr:
    return pl.all_horizontal(pl.col(name).is_null() for name in _OHLC)


def _row_reason(future_after: dt.date) -> list[pl.Expr]:
    """Judge each row by itself; the first rule that fails gives the reason."""
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
        ("not_a_session", pl.col("closes_at").is_null(), pl.format("{} holds no session then", pl.col("calendar"))),
    )
    reason, detail = pl.lit(None, dtype=pl.String), pl.lit(None, dtype=pl.String)
    for name, fails, what in reversed(rules):
        reason = pl.when(fails).then(pl.lit(name)).otherwise(reason)
        detail = pl.when(fails).then(what).otherwise(detail)
    return [reason.alias("reason"), detail.alias("detail")]


def _mark_conflicts(judged: pl.DataFrame, conflicts: pl.DataFrame) -> pl.DataFrame:
    """Refuse every bar of a key with several: which of them came first says nothing about which is right."""
    counts = conflicts.group_by(_KEY).agg(pl.len().alias("n_bars"))
    marked = judged.join(counts, on=list(_KEY), how="left")
    is_conflict = pl.col("n_bars").is_not_null() & pl.col("reason").is_null()
    return marked.with_columns(
        pl.when(is_conflict).then(pl.lit("duplicate_conflict")).otherwise("reason").alias("reason"),
        pl.when(is_conflict)
        .then(pl.format("one of {} different bars of this session", "n_bars"))
        .otherwise("detail")
        .alias("detail"),
    ).drop("n_bars")


def _unconfirmed(sound: pl.DataFrame, last_accepted: pl.DataFrame | None) -> pl.DataFrame:
    """Find the jumps that the next bar does not confirm: symbol, session_date, reason, detail."""
    schema = {"symbol": pl.String, "session_date": pl.Date, "reason": pl.String, "detail": pl.String}
    level = pl.coalesce("adj_close", "close").log()
    series = sound.select(*_KEY, level.alias("level"))
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
        found = _walk(one["level"].to_list(), one["first_level"][0])
        dates = one["session_date"]
        rows += [(str(symbol), dates[place], "unconfirmed_jump", detail) for place, detail in found]
    return pl.DataFrame(rows, schema=schema, orient="row")


def _walk(levels: list[float], accepted: float | None) -> list[tuple[int, str]]:
    """Walk one series of log prices; return the places of unconfirmed jumps and what was seen there."""
    found: list[tuple[int, str]] = []
    for place, (level, following) in enumerate(pairwise([*levels, math.nan])):
        if accepted is None or abs(level - accepted) <= JUMP_LIMIT_LOG or _confirms(following, level, accepted):
            accepted = level
            continue
        then = "no later bar yet" if math.isnan(following) else f"next bar {following - level:+.3f}"
        found.append((place, f"log return {level - accepted:+.3f} against the last accepted close, {then}"))
    return found


def _confirms(following: float, level: float, accepted: float) -> bool:
    """Say whether the next bar confirms a level: near it, and nearer to it than to the last accepted one."""
    away = abs(following - level)
    return away <= JUMP_LIMIT_LOG and away < abs(following - accepted)
