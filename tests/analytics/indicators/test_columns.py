"""Indicator columns against textbook definitions, each written again as a plain loop over one series."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
import pytest

from analytics.indicators.batches import columns_in_batches
from analytics.indicators.columns import OUTPUTS, scanner_columns

Series = list[float | None]
N_BARS = 330
TOLERANCE = 1e-9
PRICE_DIFFERENCES = ("macd", "macd_signal", "momentum10", "awesome_oscillator", "bull_bear_power")
PERCENTS = ("change", "stoch_k", "stoch_d", "stoch_rsi_k", "stoch_rsi_d", "williams_r", "cci20", "rsi", "adx")


def first_mean_then(values: Series, length: int, alpha: float) -> Series:
    """Mean of the first `length` known values, then y + alpha * (x - y)."""
    out: Series = []
    known: list[float] = []
    level: float | None = None
    for value in values:
        if value is None:
            out.append(None)
            continue
        known.append(value)
        if len(known) == length:
            level = math.fsum(known) / length
        elif level is not None:
            level = level + alpha * (value - level)
        out.append(level)
    return out


def wilder(values: Series, length: int) -> Series:
    return first_mean_then(values, length, 1 / length)


def ema(values: Series, length: int) -> Series:
    return first_mean_then(values, length, 2 / (length + 1))


def rolled(values: Sequence[float | None], length: int, fold: Callable[[list[float]], float]) -> Series:
    out: Series = []
    for end in range(len(values)):
        window = [value for value in values[max(0, end - length + 1) : end + 1] if value is not None]
        out.append(fold(window) if len(window) == length else None)
    return out


def mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


def each(function: Callable[..., float | None], *series: Sequence[float | None]) -> Series:
    """Apply a function where all inputs are known."""
    return [None if any(v is None for v in row) else function(*row) for row in zip(*series, strict=True)]


def lag(values: Sequence[float | None], by: int = 1) -> Series:
    return [None] * by + list(values[: len(values) - by])


def stochastic(values: Series, low: Series, high: Series) -> Series:
    return each(lambda v, lo, hi: 100 * (v - lo) / (hi - lo) if hi > lo else None, values, low, high)


def textbook(high: list[float], low: list[float], close: list[float], volume: list[float]) -> dict[str, Series]:
    """Every column of one series on a market that closes at weekends."""
    before = lag(close)
    ranges = [
        h - lo if p is None else max(h - lo, abs(h - p), abs(lo - p))
        for h, lo, p in zip(high, low, before, strict=True)
    ]
    later_ranges: Series = [None, *ranges[1:]]
    ups: Series = [None]
    downs: Series = [None]
    for i in range(1, len(close)):
        up, down = high[i] - high[i - 1], low[i - 1] - low[i]
        ups.append(up if up > down and up > 0 else 0.0)
        downs.append(down if down > up and down > 0 else 0.0)
    smooth = wilder(later_ranges, 14)
    plus = each(lambda m, r: 100 * m / r, wilder(ups, 14), smooth)
    minus = each(lambda m, r: 100 * m / r, wilder(downs, 14), smooth)
    move = each(lambda c, p: c - p, close, before)
    gain, loss = wilder(each(lambda m: max(m, 0.0), move), 14), wilder(each(lambda m: max(-m, 0.0), move), 14)
    rsi = each(lambda g, lo: 100.0 if lo == 0 else 100 - 100 / (1 + g / lo), gain, loss)
    raw = stochastic(list(close), rolled(low, 14, min), rolled(high, 14, max))
    stoch_k = rolled(raw, 3, mean)
    stoch_rsi_k = rolled(stochastic(rsi, rolled(rsi, 14, min), rolled(rsi, 14, max)), 3, mean)
    typical = [(h + lo + c) / 3 for h, lo, c in zip(high, low, close, strict=True)]
    median = [(h + lo) / 2 for h, lo in zip(high, low, strict=True)]
    macd = each(lambda fast, slow: fast - slow, ema(list(close), 12), ema(list(close), 26))
    pressure: Series = [None, *[c - min(lo, p) for c, lo, p in zip(close[1:], low[1:], close[:-1], strict=True)]]
    ratios = [
        each(lambda b, r: b / r, rolled(pressure, n, math.fsum), rolled(later_ranges, n, math.fsum))
        for n in (7, 14, 28)
    ]
    weighted = lambda n: lambda window: math.fsum(v * (i + 1) for i, v in enumerate(window)) / (n * (n + 1) / 2)  # noqa: E731
    hull = each(lambda a, b: 2 * a - b, rolled(close, 4, weighted(4)), rolled(close, 9, weighted(9)))
    return {
        "change": each(lambda c, p: 100 * (c / p - 1), close, before),
        **{
            name: each(lambda c, p: 100 * (c / p - 1), close, lag(close, n))
            for name, n in {"perf_w": 5, "perf_1m": 21, "perf_3m": 63, "perf_6m": 126}.items()
        },
        "volatility_d": [100 * r / abs(lo) for r, lo in zip(ranges, low, strict=True)],
        "atr": wilder(list(ranges), 14),
        "plus_di": plus,
        "minus_di": minus,
        "adx": wilder(each(lambda p, m: 100 * abs(p - m) / (p + m), plus, minus), 14),
        "rsi": rsi,
        "stoch_k": stoch_k,
        "stoch_d": rolled(stoch_k, 3, mean),
        "stoch_rsi_k": stoch_rsi_k,
        "stoch_rsi_d": rolled(stoch_rsi_k, 3, mean),
        "cci20": rolled(typical, 20, lambda w: (w[-1] - mean(w)) / (0.015 * mean([abs(v - mean(w)) for v in w]))),
        "macd": macd,
        "macd_signal": ema(macd, 9),
        "momentum10": each(lambda c, p: c - p, close, lag(close, 10)),
        "awesome_oscillator": each(lambda a, b: a - b, rolled(median, 5, mean), rolled(median, 34, mean)),
        "williams_r": each(lambda k: k - 100, raw),
        "ultimate_oscillator": each(lambda a, b, c: 100 * (4 * a + 2 * b + c) / 7, *ratios),
        "bull_bear_power": each(lambda h, lo, e: h + lo - 2 * e, high, low, ema(list(close), 13)),
        **{f"sma{n}": rolled(close, n, mean) for n in (10, 20, 30, 50, 100, 200)},
        **{f"ema{n}": ema(list(close), n) for n in (10, 20, 30, 50, 100, 200)},
        "vwma20": each(
            lambda a, b: a / b,
            rolled([c * v for c, v in zip(close, volume, strict=True)], 20, math.fsum),
            rolled(volume, 20, math.fsum),
        ),
        "hma9": rolled(hull, 3, weighted(3)),
        "ichimoku_base": each(lambda a, b: (a + b) / 2, rolled(high, 26, max), rolled(low, 26, min)),
    }


def rating(buy: bool, sell: bool) -> float:
    return 1.0 if buy else -1.0 if sell else 0.0


def rated_at(
    i: int, high: list[float], low: list[float], close: list[float], c: dict[str, Series]
) -> tuple[float, float]:
    """Both group ratings of one bar with all components known, from the published conditions."""
    now = {name: values[i] for name, values in c.items()}
    ago = {name: values[i - 1] for name, values in c.items()}
    price, trend = close[i], close[i] - now["ema50"]
    averages = [
        rating(now[n] < price, now[n] > price)
        for n in now
        if (n[:3] in ("sma", "ema") and n != "ema13") or n in ("vwma20", "hma9")
    ]
    middle = lambda n, at: (max(high[at - n + 1 : at + 1]) + min(low[at - n + 1 : at + 1])) / 2  # noqa: E731
    line, base, then = middle(9, i), middle(26, i), i - 25
    span_a, span_b = (middle(9, then) + middle(26, then)) / 2, middle(52, then)
    averages.append(
        rating(
            span_a > span_b and base > span_a and line > base and price > line,
            span_a < span_b and base < span_a and line < base and price < line,
        )
    )
    turn = lambda n, lo, hi: rating(now[n] < lo and now[n] > ago[n], now[n] > hi and now[n] < ago[n])  # noqa: E731

    def crossing(fast: str, slow: str, *, down_trend: bool = True, up_trend: bool = True) -> float:
        up = now[fast] > now[slow] and ago[fast] < ago[slow] and max(now[fast], now[slow]) < 20
        down = now[fast] < now[slow] and ago[fast] > ago[slow] and min(now[fast], now[slow]) > 80
        return rating(up and down_trend, down and up_trend)

    ao = [c["awesome_oscillator"][i - k] for k in range(3)]
    bull, bear = (
        [h - c["ema13"][i - k] for k, h in enumerate((high[i], high[i - 1]))],
        [lo - c["ema13"][i - k] for k, lo in enumerate((low[i], low[i - 1]))],
    )
    strong = now["adx"] > 20
    others = [
        turn("rsi", 30, 70),
        crossing("stoch_k", "stoch_d"),
        turn("cci20", -100, 100),
        rating(
            strong and now["plus_di"] > now["minus_di"] and ago["plus_di"] < ago["minus_di"],
            strong and now["plus_di"] < now["minus_di"] and ago["plus_di"] > ago["minus_di"],
        ),
        rating(
            (ao[0] > 0 > ao[1]) or (ao[1] > 0 and ao[0] > ao[1] < ao[2] and ao[0] > 0),
            (ao[0] < 0 < ao[1]) or (ao[1] < 0 and ao[0] < ao[1] > ao[2] and ao[0] < 0),
        ),
        rating(now["momentum10"] > ago["momentum10"], now["momentum10"] < ago["momentum10"]),
        rating(now["macd"] > now["macd_signal"], now["macd"] < now["macd_signal"]),
        crossing("stoch_rsi_k", "stoch_rsi_d", down_trend=trend < 0, up_trend=trend > 0),
        turn("williams_r", -80, -20),
        rating(trend > 0 and bear[0] < 0 and bear[0] > bear[1], trend < 0 and bull[0] > 0 and bull[0] < bull[1]),
        rating(now["ultimate_oscillator"] > 70, now["ultimate_oscillator"] < 30),
    ]
    assert (len(averages), len(others)) == (15, 11)
    return mean(averages), mean(others)


def series(seed: int, volatility: float) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(rng.normal(0, volatility, N_BARS)))
    opened = np.concatenate([[50.0], close[:-1]]) * np.exp(rng.normal(0, volatility / 4, N_BARS))
    return pl.DataFrame(
        {
            "symbol": [f"T:{seed}"] * N_BARS,
            "session_date": [dt.date(2024, 1, 1) + dt.timedelta(days=i) for i in range(N_BARS)],
            "high": np.maximum(opened, close) * (1 + rng.uniform(0, volatility, N_BARS)),
            "low": np.minimum(opened, close) * (1 - rng.uniform(0, volatility, N_BARS) / 2),
            "close": close,
            "volume": np.exp(rng.normal(10, 2, N_BARS)),
            "value_traded_usd": close,
            "is_close_only": False,
            "is_round_the_clock": False,
            "is_requested": True,
        }
    )


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    """A calm series, a wild one that moves over ten orders of magnitude, and one between; shuffled."""
    return pl.concat([series(1, 0.01), series(2, 0.35), series(3, 0.03)]).sample(fraction=1, shuffle=True, seed=7)


@pytest.fixture(scope="module")
def columns(bars: pl.DataFrame) -> pl.DataFrame:
    return scanner_columns(bars)


@pytest.mark.parametrize("symbol", ["T:1", "T:2", "T:3"])
def test_every_column_equals_the_textbook_loop(bars: pl.DataFrame, columns: pl.DataFrame, symbol: str) -> None:
    own = bars.filter(pl.col("symbol") == symbol).sort("session_date")
    found = columns.filter(pl.col("symbol") == symbol)
    expected = textbook(*(own[name].to_list() for name in ("high", "low", "close", "volume")))
    for name, values in expected.items():
        pairs = list(zip(found[name].to_list(), values, strict=True))
        assert sum(value is not None for value in values) > 100, name
        for position, (got, value) in enumerate(pairs):
            assert (got is None) == (value is None), (name, position)
            if value is not None:
                # The tolerance of a difference depends on the size of its terms: a price, or 100 percent.
                scale = own["close"][position] if name in PRICE_DIFFERENCES else 100.0 if name in PERCENTS else 0.0
                assert got == pytest.approx(value, rel=TOLERANCE, abs=TOLERANCE * scale), (name, position)


@pytest.mark.parametrize("symbol", ["T:1", "T:2", "T:3"])
def test_ratings_follow_the_published_components(bars: pl.DataFrame, columns: pl.DataFrame, symbol: str) -> None:
    own = bars.filter(pl.col("symbol") == symbol).sort("session_date")
    found = columns.filter(pl.col("symbol") == symbol)
    high, low, close, volume = (own[name].to_list() for name in ("high", "low", "close", "volume"))
    known = textbook(high, low, close, volume) | {"ema13": ema(close, 13)}
    for i in range(200, N_BARS):
        averages, others = rated_at(i, high, low, close, known)
        assert found["recommend_ma"][i] == pytest.approx(averages, abs=1e-12), i
        assert found["recommend_other"][i] == pytest.approx(others, abs=1e-12), i
        assert found["recommend_all"][i] == pytest.approx((averages + others) / 2, abs=1e-12), i


def test_a_close_only_series_has_only_what_closes_can_tell() -> None:
    closes = series(4, 0.02).with_columns(
        high=pl.lit(None, pl.Float64), low=pl.lit(None, pl.Float64), volume=pl.lit(None, pl.Float64)
    )
    last = scanner_columns(closes).row(-1, named=True)
    unknown = {name for name, value in last.items() if value is None}
    assert unknown == {
        "volume", "volatility_d", "atr", "adx", "plus_di", "minus_di", "stoch_k", "stoch_d", "cci20",
        "awesome_oscillator",
        "williams_r", "ultimate_oscillator", "bull_bear_power", "vwma20", "ichimoku_base",
    }  # fmt: skip
    assert last["recommend_all"] is not None


def test_a_market_that_never_closes_counts_calendar_days() -> None:
    coin = series(5, 0.02).with_columns(is_round_the_clock=pl.lit(value=True))
    last = scanner_columns(coin).row(-1, named=True)
    close = coin["close"].to_list()
    for name, days in {"perf_w": 7, "perf_1m": 30, "perf_3m": 90, "perf_6m": 180}.items():
        assert last[name] == pytest.approx(100 * (close[-1] / close[-1 - days] - 1), rel=1e-12)


def test_a_price_that_never_moves_has_no_rsi_and_no_infinite_column() -> None:
    still = series(6, 0.02).with_columns(high=pl.lit(5.0), low=pl.lit(5.0), close=pl.lit(5.0), volume=pl.lit(0.0))
    columns = scanner_columns(still)
    assert columns["rsi"].null_count() == N_BARS
    numbers = columns.select(pl.col(pl.Float64))
    assert not any(values.drop_nulls().is_nan().any() or values.drop_nulls().is_infinite().any() for values in numbers)


def test_columns_of_a_session_do_not_change_when_later_bars_arrive(bars: pl.DataFrame, columns: pl.DataFrame) -> None:
    cut = dt.date(2024, 9, 1)
    earlier = scanner_columns(bars.filter(pl.col("session_date") <= cut))
    assert earlier.equals(columns.filter(pl.col("session_date") <= cut))


def test_no_bars_give_no_rows(bars: pl.DataFrame) -> None:
    assert scanner_columns(bars.clear()).height == 0


@pytest.mark.parametrize("every", [1, 2, 7, 20])
def test_requested_bars_have_the_columns_of_a_full_build_to_the_last_bit(
    bars: pl.DataFrame, columns: pl.DataFrame, every: int
) -> None:
    number = pl.col("session_date").rank("ordinal").over("symbol")
    asked = bars.with_columns((number % every == 0).alias("is_requested"))
    expected = columns.join(
        asked.filter("is_requested"), on=["symbol", "session_date"], how="semi", maintain_order="left"
    )
    assert scanner_columns(asked).equals(expected)


def test_batches_of_instruments_change_nothing(bars: pl.DataFrame, columns: pl.DataFrame) -> None:
    batches = [bars.filter(pl.col("symbol") == symbol) for symbol in ("T:1", "T:2", "T:3")]
    assert columns_in_batches(batches).equals(columns)
    assert columns_in_batches(iter([])).schema == columns.schema
    assert tuple(columns.columns) == OUTPUTS


def test_a_series_that_begins_inside_another_ones_window_is_not_mixed_with_it(bars: pl.DataFrame) -> None:
    """Windows look across the frame, so a short series after a long one must not see its last bars."""
    short = bars.filter(pl.col("symbol") == "T:3").sort("session_date").head(30)
    together = scanner_columns(pl.concat([bars.filter(pl.col("symbol") == "T:2"), short]))
    assert together.filter(pl.col("symbol") == "T:3").equals(scanner_columns(short))
