"""Moving averages and other values over the bars of one instrument, as polars expressions.

The bars of all instruments stand in one frame, one instrument after the other. What adds up earlier bars is evaluated for
each instrument by itself (`within`), so that no rounding error of one instrument reaches another. What only picks earlier
bars (`lag`, `highest`, `lowest`) looks across the whole frame and is NULL where the instrument has too few bars, which is
the same and costs a fraction.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

SERIES = "series_number"
"""Column that numbers the instruments of a frame in the order of its rows; it is sorted, so that groups are slices."""

BAR = "bar_number"
"""Column that numbers the bars of an instrument from 1."""

CLOSE, HIGH, LOW, VOLUME = pl.col("close"), pl.col("high"), pl.col("low"), pl.col("volume")


def within(expression: pl.Expr) -> pl.Expr:
    """Evaluate an expression over the bars of each instrument by itself."""
    return expression.over(SERIES)


def lag(values: pl.Expr, n_bars: int) -> pl.Expr:
    """Return the value `n_bars` bars ago; NULL where the instrument has no such bar."""
    return pl.when(pl.col(BAR) > n_bars).then(values.shift(n_bars))


def highest(values: pl.Expr, length: int) -> pl.Expr:
    """Return the highest value of the last `length` bars; NULL where there are fewer or one is unknown."""
    return pl.when(pl.col(BAR) >= length).then(values.rolling_max(length))


def lowest(values: pl.Expr, length: int) -> pl.Expr:
    """Return the lowest value of the last `length` bars; NULL where there are fewer or one is unknown."""
    return pl.when(pl.col(BAR) >= length).then(values.rolling_min(length))


def numbered(frame: pl.DataFrame) -> pl.DataFrame:
    """Sort bars by symbol and session, and number their instruments (`SERIES`) and the bars of each (`BAR`)."""
    frame = frame.sort("symbol", "session_date").with_columns(pl.col("symbol").rle_id().set_sorted().alias(SERIES))
    return frame.with_columns(within(pl.int_range(1, pl.len() + 1)).alias(BAR))


@dataclass(frozen=True, slots=True)
class Smoothing:
    """An exponentially smoothed column, started with the plain mean of the first `length` known values.

    y_n = mean(x_1..x_n), y_t = y_(t-1) + alpha * (x_t - y_(t-1)); unknown values are skipped, and y is NULL before the
    start.

    Attributes
    ----------
    name, values : str
        The new column, and the column that is smoothed.
    length : int
        Bars of the first mean.
    alpha : float
        Weight of the newest value.
    """

    name: str
    values: str
    length: int
    alpha: float


def wilder(name: str, values: str, length: int) -> Smoothing:
    """Smooth by Wilder's average (1978): alpha = 1/length."""
    return Smoothing(name, values, length, 1.0 / length)


def exponential(name: str, values: str, length: int) -> Smoothing:
    """Smooth by the exponential average: alpha = 2/(length + 1)."""
    return Smoothing(name, values, length, 2.0 / (length + 1))


def with_smoothed(frame: pl.DataFrame, *smoothings: Smoothing) -> pl.DataFrame:
    """Add smoothed columns; those of the same values share their count and their sum."""
    sources = list(dict.fromkeys(one.values for one in smoothings))
    counts = [within(pl.col(name).is_not_null().cum_sum()).alias(f"{name} known") for name in sources]
    sums = [within(pl.col(name).cum_sum()).alias(f"{name} total") for name in sources]
    frame = frame.with_columns(*counts, *sums)
    frame = frame.with_columns(_started(one).alias(f"{one.name} started") for one in smoothings)
    smoothed = [
        within(pl.col(f"{one.name} started").ewm_mean(alpha=one.alpha, adjust=False, ignore_nulls=True)).alias(one.name)
        for one in smoothings
    ]
    parts = [f"{name} {part}" for name in sources for part in ("known", "total")]
    return frame.with_columns(smoothed).drop(parts, [f"{one.name} started" for one in smoothings])


def _started(one: Smoothing) -> pl.Expr:
    """Return the mean at the bar that completes it, and the values from there on."""
    values, n_known = pl.col(one.values), pl.col(f"{one.values} known")
    seed = pl.col(f"{one.values} total") / one.length
    is_first = values.is_not_null() & (n_known == one.length)
    return pl.when(is_first).then(seed).when(n_known > one.length).then(values)


def lagged_sum(values: pl.Expr, weights: list[int]) -> pl.Expr:
    """Compute sum_i weights[i] * values[t - i], without the rounding errors of a running sum."""
    terms = sum((values.shift(n_bars) * weight for n_bars, weight in enumerate(weights)), start=pl.lit(0.0))
    return pl.when(pl.col(BAR) >= len(weights)).then(terms)


def linear_average(values: pl.Expr, length: int) -> pl.Expr:
    """Compute a linearly weighted average; the latest value has weight `length`."""
    return lagged_sum(values, list(range(length, 0, -1))) / (length * (length + 1) / 2)


def mean_of_three(values: pl.Expr) -> pl.Expr:
    """Compute the mean of three values without a running sum, whose rounding errors could look like a crossing."""
    return lagged_sum(values, [1, 1, 1]) / 3


def midpoint(length: int) -> pl.Expr:
    """Compute the middle of the range of the last `length` bars (Ichimoku's lines)."""
    return (highest(HIGH, length) + lowest(LOW, length)) / 2


def position(values: pl.Expr, low: pl.Expr, high: pl.Expr) -> pl.Expr:
    """Compute the position of a value between two bounds, 0-100; NULL when the bounds are equal."""
    return pl.when(high > low).then(100.0 * ((values - low) / (high - low)))
