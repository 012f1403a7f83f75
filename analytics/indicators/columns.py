"""Compute all scanner columns of requested bars from the bars of each instrument up to them.

Columns are computed per instrument over its available bars; missing and refused bars are skipped. Prices are quoted
(split-adjusted), not `adj_close`, as in a scanner. NULL means that the history is too short or that the series has no
highs, lows or volume. See docs/method/05-discovery-selection.md#5.1.
"""

from __future__ import annotations

import polars as pl

from analytics.indicators.oscillators import (
    composed_oscillators,
    last_signal_line,
    oscillator_averages,
    range_oscillators,
    signal_lines,
    smoothed_oscillators,
)
from analytics.indicators.prices import (
    close_averages,
    directional_columns,
    movement_averages,
    price_columns,
    range_columns,
)
from analytics.indicators.ratings import RATED_LAG, rating_columns
from analytics.indicators.smoothing import numbered, with_smoothed, within
from analytics.indicators.weekly import WEEKLY_COLUMNS, weekly_columns

INPUTS = (
    "symbol", "session_date", "high", "low", "close", "volume", "value_traded_usd", "is_close_only",
    "is_round_the_clock", "is_requested",
)  # fmt: skip
"""Columns of the bars from which the scanner columns are computed."""

OUTPUTS = (
    "session_date", "symbol", "close", "change", "volume", "value_traded_usd", "perf_w", "perf_1m", "perf_3m",
    "perf_6m", "volatility_d", "atr", "adx", "plus_di", "minus_di", "rsi", "stoch_k", "stoch_d", "stoch_rsi_k",
    "stoch_rsi_d", "cci20", "macd", "macd_signal", "momentum10", "awesome_oscillator", "williams_r",
    "ultimate_oscillator", "bull_bear_power", "sma10", "sma20", "sma30", "sma50", "sma100", "sma200", "ema10",
    "ema20", "ema30", "ema50", "ema100", "ema200", "vwma20", "hma9", "ichimoku_base", "recommend_ma",
    "recommend_other", "recommend_all", *WEEKLY_COLUMNS, "is_close_only",
)  # fmt: skip
"""Columns of the result, in order."""


def scanner_columns(bars: pl.DataFrame) -> pl.DataFrame:
    """Compute all columns of the requested bars.

    Parameters
    ----------
    bars : pl.DataFrame
        `INPUTS`, in any order: all bars of each instrument up to the last one that is requested. `is_requested` marks
        the bars of the result, `is_round_the_clock` the instruments of a market that never closes.

    Returns
    -------
    pl.DataFrame
        `OUTPUTS`, one row for each requested bar, sorted by symbol and session.
    """
    frame = numbered(bars.select(INPUTS))
    weekly = weekly_columns(frame)
    frame = _indicators(frame)
    is_requested = pl.col("is_requested")
    is_rated = pl.any_horizontal(
        is_requested, *(within(is_requested.shift(-n_bars, fill_value=False)) for n_bars in range(1, RATED_LAG + 1))
    )
    frame = frame.filter(is_rated).with_columns(rating_columns()).filter(is_requested)
    overall = pl.mean_horizontal("recommend_ma", "recommend_other").alias("recommend_all")
    frame = frame.with_columns(overall).join(weekly, on=["symbol", "session_date"], how="left", maintain_order="left")
    return frame.select(OUTPUTS)


def _indicators(frame: pl.DataFrame) -> pl.DataFrame:
    """Add prices, oscillators and their parts to all bars, stage by stage: a stage reads columns of those before it.

    Each stage is a query of its own: in one lazy chain the optimizer would expand every stage into the next, and it
    rearranges arithmetic, which changes the last bit.
    """
    frame = frame.with_columns(price_columns()).with_columns(range_columns())
    frame = with_smoothed(frame, *close_averages(), *movement_averages())
    frame = frame.with_columns(directional_columns()).with_columns(range_oscillators())
    frame = with_smoothed(frame, *oscillator_averages())
    for stage in (composed_oscillators, smoothed_oscillators, signal_lines, last_signal_line):
        frame = frame.with_columns(stage())
    return frame
