"""Oscillators, by the formulas of their authors."""

from __future__ import annotations

import polars as pl

from analytics.indicators.smoothing import (
    CLOSE,
    HIGH,
    LOW,
    Smoothing,
    exponential,
    highest,
    lag,
    linear_average,
    lowest,
    mean_of_three,
    midpoint,
    position,
    wilder,
    within,
)


def range_oscillators() -> list[pl.Expr]:
    """Compute the oscillators that need only prices, and the parts of the others.

    RSI 14 = 100 * up / (up + down) of Wilder averages, NULL for a price that never moved. AO = mean5 - mean34 of the
    median price. MACD = ema12 - ema26. Bull Bear Power = high + low - 2 * ema13. Ichimoku's conversion and base line are
    the middles of the ranges of 9 and 26 bars.
    """
    up, down = pl.col("gain_average"), pl.col("loss_average")
    typical, median = pl.col("typical_price"), pl.col("median_price")
    plus, minus = pl.col("plus_di"), pl.col("minus_di")
    index = pl.when(plus + minus > 0).then(100.0 * ((plus - minus).abs() / (plus + minus))).when(plus >= 0).then(0.0)
    return [
        index.alias("directional_index"),
        pl.when(up + down > 0).then(100.0 * (up / (up + down))).alias("rsi"),
        lowest(LOW, 14).alias("lowest_14"),
        highest(HIGH, 14).alias("highest_14"),
        within(typical.rolling_mean(20)).alias("typical_average"),
        (within(median.rolling_mean(5)) - within(median.rolling_mean(34))).alias("awesome_oscillator"),
        (CLOSE - lag(CLOSE, 10)).alias("momentum10"),
        (pl.col("ema12") - pl.col("ema26")).alias("macd"),
        (HIGH + LOW - 2 * pl.col("ema13")).alias("bull_bear_power"),
        linear_average(pl.col("hull_difference"), 3).alias("hma9"),
        midpoint(9).alias("ichimoku_conversion"),
        midpoint(26).alias("ichimoku_base"),
        midpoint(52).alias("ichimoku_span_b_ahead"),
        *(
            (within(pl.col("buying_pressure").rolling_sum(length)) / within(pl.col("directional_range").rolling_sum(length)))
            .alias(f"pressure_{length}")
            for length in (7, 14, 28)
        ),
    ]  # fmt: skip


def oscillator_averages() -> list[Smoothing]:
    """Smooth the directional index by Wilder's average, which is ADX 14, and MACD exponentially to its signal line."""
    return [wilder("adx", "directional_index", 14), exponential("macd_signal", "macd", 9)]


def composed_oscillators() -> list[pl.Expr]:
    """Compute the stochastic 14, Williams %R, CCI 20, the ultimate oscillator and the Ichimoku spans.

    Stochastic 14: position of the close in the range. Williams %R = that position - 100.
    CCI 20 = (tp - mean) / (0.015 * mean absolute deviation) of the typical price.
    UO = 100 * (4 r7 + 2 r14 + r28) / 7 with r_n = sum of buying pressure / sum of true range over n bars.
    """
    typical, centre, rsi = pl.col("typical_price"), pl.col("typical_average"), pl.col("rsi")
    # The mean is NULL before the 20th bar of an instrument, so no deviation reaches into the instrument before it.
    deviations = ((typical.shift(n_bars) - centre).abs() for n_bars in range(20))
    stochastic = position(CLOSE, pl.col("lowest_14"), pl.col("highest_14"))
    conversion, base = pl.col("ichimoku_conversion"), pl.col("ichimoku_base")
    pressure = {length: pl.col(f"pressure_{length}") for length in (7, 14, 28)}
    return [
        stochastic.alias("stochastic"),
        (stochastic - 100.0).alias("williams_r"),
        (sum(deviations, start=pl.lit(0.0)) / 20).alias("typical_deviation"),
        (100.0 * (4 * pressure[7] + 2 * pressure[14] + pressure[28]) / 7).alias("ultimate"),
        lowest(rsi, 14).alias("lowest_rsi"),
        highest(rsi, 14).alias("highest_rsi"),
        # The leading spans belong to the bar 25 sessions after the one that they are computed from.
        lag((conversion + base) / 2, 25).alias("ichimoku_span_a"),
        lag(pl.col("ichimoku_span_b_ahead"), 25).alias("ichimoku_span_b"),
    ]


def smoothed_oscillators() -> list[pl.Expr]:
    """Compute %K = mean3 of the stochastic and the Stochastic RSI 14, and finish CCI 20 and the ultimate oscillator.

    Hull(9) = wma3(2 * wma4(close) - wma9(close)) stands with the price columns.
    """
    deviation, ultimate = pl.col("typical_deviation"), pl.col("ultimate")
    difference = pl.col("typical_price") - pl.col("typical_average")
    return [
        mean_of_three(pl.col("stochastic")).alias("stoch_k"),
        position(pl.col("rsi"), pl.col("lowest_rsi"), pl.col("highest_rsi")).alias("stochastic_rsi"),
        pl.when(deviation > 0).then(difference / (0.015 * deviation)).alias("cci20"),
        pl.when(ultimate.is_finite()).then(ultimate).alias("ultimate_oscillator"),
    ]


def signal_lines() -> list[pl.Expr]:
    """Compute the second smoothing of the stochastic, %D = mean3 of %K, and %K of the Stochastic RSI."""
    return [
        mean_of_three(pl.col("stoch_k")).alias("stoch_d"),
        mean_of_three(pl.col("stochastic_rsi")).alias("stoch_rsi_k"),
    ]


def last_signal_line() -> list[pl.Expr]:
    """Compute %D of the Stochastic RSI."""
    return [mean_of_three(pl.col("stoch_rsi_k")).alias("stoch_rsi_d")]
