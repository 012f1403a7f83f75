"""Technical ratings, by the components that TradingView publishes for its Technical Ratings.

A rating of a bar looks at the two bars before it at most: `RATED_LAG`.
"""

from __future__ import annotations

import polars as pl

from analytics.indicators.prices import AVERAGE_LENGTHS
from analytics.indicators.smoothing import CLOSE, HIGH, LOW, lag

RATED_LAG = 2
"""Bars before a bar on which its ratings depend."""


def rated(buy: pl.Expr, sell: pl.Expr, *needed: pl.Expr) -> pl.Expr:
    """Rate +1, -1 or 0; NULL when an input is unknown, so that the component does not count."""
    known = pl.all_horizontal(*[value.is_not_null() for value in needed])
    return pl.when(~known).then(None).when(buy).then(1.0).when(sell).then(-1.0).otherwise(0.0)


def average_ratings() -> list[pl.Expr]:
    """Rate averages below the price +1, above it -1 (SMA and EMA 10..200, VWMA 20, Hull 9), and the Ichimoku cloud.

    Ichimoku (9, 26, 52): buy when span A > span B, base > span A, conversion > base and price > conversion.
    """
    names = [f"{kind}{length}" for kind in ("sma", "ema") for length in AVERAGE_LENGTHS] + ["vwma20", "hma9"]
    ratings = [rated(pl.col(name) < CLOSE, pl.col(name) > CLOSE, pl.col(name)) for name in names]
    conversion, base = pl.col("ichimoku_conversion"), pl.col("ichimoku_base")
    span_a, span_b = pl.col("ichimoku_span_a"), pl.col("ichimoku_span_b")
    cloud = rated(
        (span_a > span_b) & (base > span_a) & (conversion > base) & (conversion < CLOSE),
        (span_a < span_b) & (base < span_a) & (conversion < base) & (conversion > CLOSE),
        span_b,
        base,
    )
    return [*ratings, cloud]


def crossing_rating(fast: pl.Expr, slow: pl.Expr, trend: pl.Expr | None = None) -> pl.Expr:
    """Rate a stochastic that crosses its signal: up below 20 buys, down above 80 sells; only against a given trend."""
    crossed_up = (fast > slow) & (lag(fast, 1) < lag(slow, 1)) & (fast < 20) & (slow < 20)
    crossed_down = (fast < slow) & (lag(fast, 1) > lag(slow, 1)) & (fast > 80) & (slow > 80)
    if trend is None:
        return rated(crossed_up, crossed_down, lag(slow, 1))
    return rated(crossed_up & (trend < 0), crossed_down & (trend > 0), lag(slow, 1), trend)


def turning_rating(values: pl.Expr, low: float, high: float) -> pl.Expr:
    """Rate a value: below `low` and rising buys, above `high` and falling sells."""
    before = lag(values, 1)
    return rated((values < low) & (values > before), (values > high) & (values < before), values, before)


def directional_rating() -> pl.Expr:
    """Rate a crossing of +DI and -DI while ADX is above 20."""
    plus, minus, adx = pl.col("plus_di"), pl.col("minus_di"), pl.col("adx")
    is_up = (adx > 20) & (plus > minus) & (lag(plus, 1) < lag(minus, 1))
    is_down = (adx > 20) & (plus < minus) & (lag(plus, 1) > lag(minus, 1))
    return rated(is_up, is_down, adx, lag(plus, 1))


def awesome_rating() -> pl.Expr:
    """Rate the awesome oscillator: a saucer on one side of zero, or a crossing of zero."""
    awesome = pl.col("awesome_oscillator")
    one_ago, two_ago = lag(awesome, 1), lag(awesome, 2)
    saucer = (awesome > one_ago) & (two_ago > one_ago) & (awesome > 0) & (one_ago > 0)
    inverted = (awesome < one_ago) & (two_ago < one_ago) & (awesome < 0) & (one_ago < 0)
    return rated(saucer | ((awesome > 0) & (one_ago < 0)), inverted | ((awesome < 0) & (one_ago > 0)), awesome, two_ago)


def power_rating() -> pl.Expr:
    """Rate bull and bear power in the direction of the trend, close minus ema50."""
    trend, ema13 = CLOSE - pl.col("ema50"), pl.col("ema13")
    bull, bear = HIGH - ema13, LOW - ema13
    return rated(
        (trend > 0) & (bear < 0) & (bear > lag(bear, 1)),
        (trend < 0) & (bull > 0) & (bull < lag(bull, 1)),
        trend,
        lag(bull, 1),
    )


def oscillator_ratings() -> list[pl.Expr]:
    """Rate the eleven oscillators; the trend is close minus ema50."""
    momentum, ultimate = pl.col("momentum10"), pl.col("ultimate_oscillator")
    macd, signal = pl.col("macd"), pl.col("macd_signal")
    return [
        turning_rating(pl.col("rsi"), 30.0, 70.0),
        crossing_rating(pl.col("stoch_k"), pl.col("stoch_d")),
        turning_rating(pl.col("cci20"), -100.0, 100.0),
        directional_rating(),
        awesome_rating(),
        rated(momentum > lag(momentum, 1), momentum < lag(momentum, 1), momentum, lag(momentum, 1)),
        rated(macd > signal, macd < signal, signal),
        crossing_rating(pl.col("stoch_rsi_k"), pl.col("stoch_rsi_d"), CLOSE - pl.col("ema50")),
        turning_rating(pl.col("williams_r"), -80.0, -20.0),
        power_rating(),
        rated(ultimate > 70, ultimate < 30, ultimate),
    ]


def rating_columns() -> list[pl.Expr]:
    """Compute Recommend.MA and Recommend.Other: means over the known components."""
    return [
        pl.mean_horizontal(average_ratings()).alias("recommend_ma"),
        pl.mean_horizontal(oscillator_ratings()).alias("recommend_other"),
    ]
