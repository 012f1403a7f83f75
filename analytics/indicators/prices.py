"""Changes, averages, ranges and directional movement of prices."""

from __future__ import annotations

import polars as pl

from analytics.indicators.smoothing import (
    CLOSE,
    HIGH,
    LOW,
    VOLUME,
    Smoothing,
    exponential,
    lag,
    linear_average,
    wilder,
    within,
)

AVERAGE_LENGTHS = (10, 20, 30, 50, 100, 200)
PERFORMANCE_BARS = {"perf_w": (5, 7), "perf_1m": (21, 30), "perf_3m": (63, 90), "perf_6m": (126, 180)}
"""Bars in a week, a month, three and six months: for markets that close at weekends, and for those that do not."""


def price_columns() -> list[pl.Expr]:
    """Compute change = close / close[1] - 1, Perf.* = close / close[n bars] - 1, both in percent, and simple averages."""
    performances = [
        (
            100.0
            * (
                CLOSE / pl.when(pl.col("is_round_the_clock")).then(lag(CLOSE, always)).otherwise(lag(CLOSE, weekdays))
                - 1.0
            )
        ).alias(name)
        for name, (weekdays, always) in PERFORMANCE_BARS.items()
    ]
    return [
        *performances,
        lag(CLOSE, 1).alias("previous"),
        (HIGH - lag(HIGH, 1)).alias("up_move"),
        (lag(LOW, 1) - LOW).alias("down_move"),
        ((HIGH + LOW) / 2).alias("median_price"),
        ((HIGH + LOW + CLOSE) / 3).alias("typical_price"),
        (2 * linear_average(CLOSE, 4) - linear_average(CLOSE, 9)).alias("hull_difference"),
        *[within(CLOSE.rolling_mean(length)).alias(f"sma{length}") for length in AVERAGE_LENGTHS],
    ]


def close_averages() -> list[Smoothing]:
    """Smooth the close exponentially over the lengths of the simple averages, and over 12, 13 and 26 bars."""
    return [exponential(f"ema{length}", "close", length) for length in (*AVERAGE_LENGTHS, 12, 13, 26)]


def range_columns() -> list[pl.Expr]:
    """Compute the true ranges (Wilder 1978), the parts of the directional movement and the moves of the close."""
    previous, up, down = pl.col("previous"), pl.col("up_move"), pl.col("down_move")
    true_range = pl.max_horizontal(HIGH - LOW, (HIGH - previous).abs(), (LOW - previous).abs())
    move = CLOSE - previous
    return [
        (100.0 * (CLOSE / previous - 1.0)).alias("change"),
        # The first bar has no previous close: its true range is its own range.
        true_range.alias("true_range"),
        # Directional movement needs two bars, so its true range starts with the second.
        pl.when(previous.is_not_null()).then(true_range).alias("directional_range"),
        pl.when((up > down) & (up > 0)).then(up).when(up.is_not_null()).then(0.0).alias("plus_movement"),
        pl.when((down > up) & (down > 0)).then(down).when(down.is_not_null()).then(0.0).alias("minus_movement"),
        move.clip(lower_bound=0).alias("gain"),
        (-move).clip(lower_bound=0).alias("loss"),
        # Ultimate oscillator (Williams 1976): buying pressure above the true low.
        (CLOSE - pl.min_horizontal(LOW, previous)).alias("buying_pressure"),
        (CLOSE * VOLUME).alias("close_volume"),
        within(VOLUME.rolling_sum(20)).alias("volume_20"),
    ]


def movement_averages() -> list[Smoothing]:
    """Smooth ranges, movements and moves of the close by Wilder's average of 14 bars; that of the true range is ATR."""
    return [
        wilder("atr", "true_range", 14),
        wilder("directional_average", "directional_range", 14),
        wilder("plus_average", "plus_movement", 14),
        wilder("minus_average", "minus_movement", 14),
        wilder("gain_average", "gain", 14),
        wilder("loss_average", "loss", 14),
    ]


def directional_columns() -> list[pl.Expr]:
    """Compute Volatility.D = 100 * true range / |low|, +DI and -DI 14 (Wilder 1978), and VWMA 20.

    VWMA = sum(close * volume) / sum(volume) over 20 bars.
    """
    true_range, volume = pl.col("directional_average"), pl.col("volume_20")
    return [
        (100.0 * pl.col("true_range") / LOW.abs()).alias("volatility_d"),
        pl.when(true_range > 0).then(100.0 * pl.col("plus_average") / true_range).alias("plus_di"),
        pl.when(true_range > 0).then(100.0 * pl.col("minus_average") / true_range).alias("minus_di"),
        pl.when(volume > 0).then(within(pl.col("close_volume").rolling_sum(20)) / volume).alias("vwma20"),
    ]
