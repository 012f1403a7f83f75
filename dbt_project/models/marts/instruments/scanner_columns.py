"""Compute the indicator columns of every session from bars, so that a scan can be replayed at any past date.

Grain (symbol, session_date). Columns are computed per symbol over its available bars; missing and refused bars are
skipped. Prices are quoted (split-adjusted), not `adj_close`, as in a scanner. NULL means that the history is too short
or that the series has no highs, lows or volume.

Smoothing follows Wilder (1978) and the usual exponential average, both started with the plain mean of their first n
values: y_n = mean(x_1..x_n), y_t = y_(t-1) + alpha * (x_t - y_(t-1)), alpha = 1/n (Wilder) or 2/(n+1) (exponential).
Ratings follow the components that TradingView publishes for its Technical Ratings.
"""

from __future__ import annotations

import polars as pl

AVERAGE_LENGTHS = (10, 20, 30, 50, 100, 200)
# Number of bars for a week, a month, three and six months: for markets that close at weekends, and for those that do not.
PERFORMANCE_BARS = {"perf_w": (5, 7), "perf_1m": (21, 30), "perf_3m": (63, 90), "perf_6m": (126, 180)}
INPUTS = "symbol, session_date, high, low, close, volume, value_traded_usd, is_close_only"
OUTPUTS = [
    "session_date", "symbol", "close", "change", "volume", "value_traded_usd", "perf_w", "perf_1m", "perf_3m",
    "perf_6m", "volatility_d", "atr", "adx", "plus_di", "minus_di", "rsi", "stoch_k", "stoch_d", "stoch_rsi_k",
    "stoch_rsi_d", "cci20", "macd", "macd_signal", "momentum10", "awesome_oscillator", "williams_r",
    "ultimate_oscillator", "bull_bear_power", "sma10", "sma20", "sma30", "sma50", "sma100", "sma200", "ema10",
    "ema20", "ema30", "ema50", "ema100", "ema200", "vwma20", "hma9", "ichimoku_base", "recommend_ma",
    "recommend_other", "recommend_all", "is_close_only",
]  # fmt: skip

CLOSE, HIGH, LOW, VOLUME = pl.col("close"), pl.col("high"), pl.col("low"), pl.col("volume")


def smoothed(values: pl.Expr, length: int, alpha: float) -> pl.Expr:
    """Smooth exponentially from the mean of the first `length` known values on; NULL before it."""
    n_known = values.is_not_null().cum_sum()
    seed = values.cum_sum() / length
    started = pl.when(values.is_not_null() & (n_known == length)).then(seed).when(n_known > length).then(values)
    return started.ewm_mean(alpha=alpha, adjust=False, ignore_nulls=True)


def wilder(values: pl.Expr, length: int) -> pl.Expr:
    """Smooth by Wilder's average: alpha = 1/length."""
    return smoothed(values, length, 1.0 / length)


def exponential(values: pl.Expr, length: int) -> pl.Expr:
    """Smooth by the exponential average: alpha = 2/(length + 1)."""
    return smoothed(values, length, 2.0 / (length + 1))


def lagged_sum(values: pl.Expr, weights: list[int]) -> pl.Expr:
    """Compute sum_i weights[i] * values[t - i], without the rounding errors of a running sum."""
    return sum((values.shift(lag) * weight for lag, weight in enumerate(weights)), start=pl.lit(0.0))


def linear_average(values: pl.Expr, length: int) -> pl.Expr:
    """Compute a linearly weighted average; the latest value has weight `length`."""
    return lagged_sum(values, list(range(length, 0, -1))) / (length * (length + 1) / 2)


def mean_of_three(values: pl.Expr) -> pl.Expr:
    """Compute the mean of three values without a running sum, whose rounding errors could look like a crossing."""
    return lagged_sum(values, [1, 1, 1]) / 3


def midpoint(length: int) -> pl.Expr:
    """Compute the middle of the range of the last `length` bars (Ichimoku's lines)."""
    return (HIGH.rolling_max(length) + LOW.rolling_min(length)) / 2


def position(values: pl.Expr, lowest: pl.Expr, highest: pl.Expr) -> pl.Expr:
    """Compute the position of a value between two bounds, 0-100; NULL when the bounds are equal."""
    return pl.when(highest > lowest).then(100.0 * ((values - lowest) / (highest - lowest)))


def price_columns() -> list[pl.Expr]:
    """Compute change = close / close[1] - 1, Perf.* = close / close[n bars] - 1, both in percent, and the true ranges."""
    previous = CLOSE.shift(1)
    performances = [
        (
            100.0
            * (
                CLOSE / pl.when(pl.col("is_round_the_clock")).then(CLOSE.shift(always)).otherwise(CLOSE.shift(weekdays))
                - 1.0
            )
        ).alias(name)
        for name, (weekdays, always) in PERFORMANCE_BARS.items()
    ]
    true_range = pl.max_horizontal(HIGH - LOW, (HIGH - previous).abs(), (LOW - previous).abs())
    return [
        *performances,
        (100.0 * (CLOSE / previous - 1.0)).alias("change"),
        # The first bar has no previous close: its true range is its own range.
        true_range.alias("true_range"),
        # Directional movement needs two bars, so its true range starts with the second.
        pl.when(previous.is_not_null()).then(true_range).alias("directional_range"),
        (HIGH - HIGH.shift(1)).alias("up_move"),
        (LOW.shift(1) - LOW).alias("down_move"),
        (CLOSE - previous).alias("move"),
        ((HIGH + LOW) / 2).alias("median_price"),
        ((HIGH + LOW + CLOSE) / 3).alias("typical_price"),
        # Ultimate oscillator (Williams 1976): buying pressure above the true low.
        (CLOSE - pl.min_horizontal(LOW, previous)).alias("buying_pressure"),
        *[CLOSE.rolling_mean(length).alias(f"sma{length}") for length in AVERAGE_LENGTHS],
        *[exponential(CLOSE, length).alias(f"ema{length}") for length in (*AVERAGE_LENGTHS, 12, 13, 26)],
    ]


def directional_columns() -> list[pl.Expr]:
    """Compute ATR 14, Volatility.D = 100 * true range / |low|, +DI and -DI 14 (Wilder 1978)."""
    up, down = pl.col("up_move"), pl.col("down_move")
    plus_movement = pl.when((up > down) & (up > 0)).then(up).when(up.is_not_null()).then(0.0)
    minus_movement = pl.when((down > up) & (down > 0)).then(down).when(down.is_not_null()).then(0.0)
    true_range = wilder(pl.col("directional_range"), 14)
    return [
        wilder(pl.col("true_range"), 14).alias("atr"),
        (100.0 * pl.col("true_range") / LOW.abs()).alias("volatility_d"),
        pl.when(true_range > 0).then(100.0 * wilder(plus_movement, 14) / true_range).alias("plus_di"),
        pl.when(true_range > 0).then(100.0 * wilder(minus_movement, 14) / true_range).alias("minus_di"),
    ]


def oscillator_columns() -> list[pl.Expr]:
    """Compute the oscillators that need only prices, by the formulas of their authors.

    RSI 14 = 100 * up / (up + down) of Wilder averages, NULL for a price that never moved. Stochastic 14: position of
    the close in the range. Williams %R = that position - 100. CCI 20 = (tp - mean) / (0.015 * mean absolute deviation).
    AO = mean5 - mean34 of the median price. MACD = ema12 - ema26. Bull Bear Power = high + low - 2 * ema13.
    UO = 100 * (4 r7 + 2 r14 + r28) / 7 with r_n = sum of buying pressure / sum of true range over n bars.
    """
    up, down = wilder(pl.col("move").clip(lower_bound=0), 14), wilder((-pl.col("move")).clip(lower_bound=0), 14)
    typical, median = pl.col("typical_price"), pl.col("median_price")
    centre = typical.rolling_mean(20)
    deviation = sum(((typical.shift(lag) - centre).abs() for lag in range(20)), start=pl.lit(0.0)) / 20
    pressure = {
        length: pl.col("buying_pressure").rolling_sum(length) / pl.col("directional_range").rolling_sum(length)
        for length in (7, 14, 28)
    }
    plus, minus = pl.col("plus_di"), pl.col("minus_di")
    index = pl.when(plus + minus > 0).then(100.0 * ((plus - minus).abs() / (plus + minus))).when(plus >= 0).then(0.0)
    ultimate = 100.0 * (4 * pressure[7] + 2 * pressure[14] + pressure[28]) / 7
    return [
        wilder(index, 14).alias("adx"),
        pl.when(up + down > 0).then(100.0 * (up / (up + down))).alias("rsi"),
        position(CLOSE, LOW.rolling_min(14), HIGH.rolling_max(14)).alias("stochastic"),
        pl.when(deviation > 0).then((typical - centre) / (0.015 * deviation)).alias("cci20"),
        (median.rolling_mean(5) - median.rolling_mean(34)).alias("awesome_oscillator"),
        (CLOSE - CLOSE.shift(10)).alias("momentum10"),
        (pl.col("ema12") - pl.col("ema26")).alias("macd"),
        (HIGH + LOW - 2 * pl.col("ema13")).alias("bull_bear_power"),
        pl.when(ultimate.is_finite()).then(ultimate).alias("ultimate_oscillator"),
    ]


def smoothed_oscillator_columns() -> list[pl.Expr]:
    """Compute %K = mean3 of the stochastic, the signal of MACD = ema9, Stochastic RSI 14, VWMA 20 and Hull 9.

    Hull(9) = wma3(2 * wma4(close) - wma9(close)). VWMA = sum(close * volume) / sum(volume) over 20 bars.
    """
    rsi = pl.col("rsi")
    volume = VOLUME.rolling_sum(20)
    return [
        mean_of_three(pl.col("stochastic")).alias("stoch_k"),
        (pl.col("stochastic") - 100.0).alias("williams_r"),
        exponential(pl.col("macd"), 9).alias("macd_signal"),
        mean_of_three(position(rsi, rsi.rolling_min(14), rsi.rolling_max(14))).alias("stoch_rsi_k"),
        pl.when(volume > 0).then((CLOSE * VOLUME).rolling_sum(20) / volume).alias("vwma20"),
        linear_average(2 * linear_average(CLOSE, 4) - linear_average(CLOSE, 9), 3).alias("hma9"),
        midpoint(9).alias("ichimoku_conversion"),
        midpoint(26).alias("ichimoku_base"),
        # The leading spans belong to the bar 25 sessions after the one that they are computed from.
        ((midpoint(9) + midpoint(26)) / 2).shift(25).alias("ichimoku_span_a"),
        midpoint(52).shift(25).alias("ichimoku_span_b"),
    ]


def signal_lines() -> list[pl.Expr]:
    """Compute the second smoothing of both stochastics: %D = mean3 of %K."""
    return [
        mean_of_three(pl.col("stoch_k")).alias("stoch_d"),
        mean_of_three(pl.col("stoch_rsi_k")).alias("stoch_rsi_d"),
    ]


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
    crossed_up = (fast > slow) & (fast.shift(1) < slow.shift(1)) & (fast < 20) & (slow < 20)
    crossed_down = (fast < slow) & (fast.shift(1) > slow.shift(1)) & (fast > 80) & (slow > 80)
    if trend is None:
        return rated(crossed_up, crossed_down, slow.shift(1))
    return rated(crossed_up & (trend < 0), crossed_down & (trend > 0), slow.shift(1), trend)


def turning_rating(values: pl.Expr, low: float, high: float) -> pl.Expr:
    """Rate a value: below `low` and rising buys, above `high` and falling sells."""
    before = values.shift(1)
    return rated((values < low) & (values > before), (values > high) & (values < before), values, before)


def oscillator_ratings() -> list[pl.Expr]:
    """Rate the eleven oscillators; `trend` is close minus ema50."""
    trend = CLOSE - pl.col("ema50")
    plus, minus, adx = pl.col("plus_di"), pl.col("minus_di"), pl.col("adx")
    awesome, momentum, ultimate = pl.col("awesome_oscillator"), pl.col("momentum10"), pl.col("ultimate_oscillator")
    one_ago, two_ago = awesome.shift(1), awesome.shift(2)
    bull, bear = HIGH - pl.col("ema13"), LOW - pl.col("ema13")
    macd, signal = pl.col("macd"), pl.col("macd_signal")
    saucer = (awesome > one_ago) & (two_ago > one_ago) & (awesome > 0) & (one_ago > 0)
    inverted = (awesome < one_ago) & (two_ago < one_ago) & (awesome < 0) & (one_ago < 0)
    return [
        turning_rating(pl.col("rsi"), 30.0, 70.0),
        crossing_rating(pl.col("stoch_k"), pl.col("stoch_d")),
        turning_rating(pl.col("cci20"), -100.0, 100.0),
        rated(
            (adx > 20) & (plus > minus) & (plus.shift(1) < minus.shift(1)),
            (adx > 20) & (plus < minus) & (plus.shift(1) > minus.shift(1)),
            adx,
            plus.shift(1),
        ),
        rated(
            saucer | ((awesome > 0) & (one_ago < 0)),
            inverted | ((awesome < 0) & (one_ago > 0)),
            awesome,
            two_ago,
        ),
        rated(momentum > momentum.shift(1), momentum < momentum.shift(1), momentum, momentum.shift(1)),
        rated(macd > signal, macd < signal, signal),
        crossing_rating(pl.col("stoch_rsi_k"), pl.col("stoch_rsi_d"), trend),
        turning_rating(pl.col("williams_r"), -80.0, -20.0),
        rated(
            (trend > 0) & (bear < 0) & (bear > bear.shift(1)),
            (trend < 0) & (bull > 0) & (bull < bull.shift(1)),
            trend,
            bull.shift(1),
        ),
        rated(ultimate > 70, ultimate < 30, ultimate),
    ]


def rating_columns() -> list[pl.Expr]:
    """Compute Recommend.MA and Recommend.Other: means over the known components."""
    return [
        pl.mean_horizontal(average_ratings()).alias("recommend_ma"),
        pl.mean_horizontal(oscillator_ratings()).alias("recommend_other"),
    ]


def with_stage(frame: pl.DataFrame, columns: list[pl.Expr]) -> pl.DataFrame:
    """Add columns, each computed within its symbol.

    Each stage is one query without elimination of common subexpressions: in a lazy chain the optimizer would expand every
    stage into the next, and planning would take minutes.
    """
    options = pl.QueryOptFlags(comm_subexpr_elim=False)
    return frame.lazy().with_columns([column.over("symbol") for column in columns]).collect(optimizations=options)


def scanner_columns(bars: pl.DataFrame) -> pl.DataFrame:
    """Compute all columns for all symbols; without bars the result is empty."""
    frame = bars.sort("symbol", "session_date")
    for stage in (
        price_columns,
        directional_columns,
        oscillator_columns,
        smoothed_oscillator_columns,
        signal_lines,
        rating_columns,
    ):
        frame = with_stage(frame, stage())
    overall = pl.mean_horizontal("recommend_ma", "recommend_other").alias("recommend_all")
    return frame.with_columns(overall).select(OUTPUTS)


def model(dbt, session):  # noqa: ARG001, D103 - dbt calls it by this name and signature
    bars = dbt.ref("int_bars_of_run").select(INPUTS).pl()
    calendars = dbt.ref("int_instruments_described").select("symbol, calendar = '24/7' as is_round_the_clock").pl()
    return scanner_columns(bars.join(calendars, on="symbol", how="inner")).to_arrow()
