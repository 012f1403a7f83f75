"""A generated market has the sessions of real calendars, consistent bars, and the same bytes for the same seed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks.lake.market import LAST, NEXT, GeneratedMarket
from benchmarks.lake.universe import BENCHMARK, describe, list_instruments
from ingest.reference.calendars import FIRST_KNOWN, sessions
from ingest.reference.venues import Venues
from ingest.sources.files import FilesSource
from ingest.sources.protocol import BarRequest
from lakehouse.paths import Paths

N, T = 60, 120


@pytest.fixture(scope="module")
def market() -> GeneratedMarket:
    return GeneratedMarket(N, T)


@pytest.fixture(scope="module")
def bars(market: GeneratedMarket) -> pl.DataFrame:
    return pl.concat(market.bars())


def bytes_of(market: GeneratedMarket, folder: Path) -> dict[str, bytes]:
    market.write(folder)
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def daily_returns(bars: pl.DataFrame) -> dict[str, np.ndarray]:
    return {
        str(symbol): np.diff(np.log(series["close"].to_numpy()))
        for (symbol,), series in bars.group_by(["symbol"], maintain_order=True)
    }


def test_every_instrument_has_every_session_of_its_calendar(market: GeneratedMarket, bars: pl.DataFrame) -> None:
    venues = Venues.of(Paths.at())
    assert bars["symbol"].n_unique() == N
    for (symbol,), series in bars.group_by(["symbol"], maintain_order=True):
        expected = sessions(venues.calendar_of(str(symbol)), FIRST_KNOWN, LAST)["session_date"].tail(T)
        assert series["date"].to_list() == expected.to_list(), symbol


def test_no_bar_has_a_high_below_or_a_low_above_another_price(bars: pl.DataFrame) -> None:
    wrong = bars.filter(
        (pl.col("high") < pl.max_horizontal("open", "close"))
        | (pl.col("low") > pl.min_horizontal("open", "close"))
        | (pl.col("low") <= 0.0)
    )
    assert wrong.is_empty()
    assert bars.filter(pl.col("high") == pl.col("low")).is_empty()


def test_only_currency_pairs_have_no_volume(bars: pl.DataFrame) -> None:
    assert bars.filter(pl.col("volume").is_null())["asset_class"].unique().to_list() == ["fx"]
    assert bars.filter(pl.col("volume") < 1.0).is_empty()


def test_the_benchmark_and_every_class_are_present(bars: pl.DataFrame) -> None:
    assert bars.filter(pl.col("symbol") == BENCHMARK).height == T
    assert set(bars["asset_class"]) == {"equity", "etf", "fx", "crypto", "future"}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    first = bytes_of(GeneratedMarket(N, T), tmp_path / "first")
    assert bytes_of(GeneratedMarket(N, T), tmp_path / "second") == first
    other = bytes_of(GeneratedMarket(N, T, seed=7), tmp_path / "other")
    assert other["symbols.csv"] == first["symbols.csv"]
    assert other["bars_000.parquet"] != first["bars_000.parquet"]


def test_bars_are_cut_at_a_session(market: GeneratedMarket, bars: pl.DataFrame, tmp_path: Path) -> None:
    n_bars = market.write(tmp_path, through=LAST - dt.timedelta(days=1))
    held = pl.read_parquet(tmp_path / "bars_*.parquet")
    assert n_bars == held.height == bars.filter(pl.col("date") < LAST).height
    assert held["date"].max() == LAST - dt.timedelta(days=1)


def test_every_calendar_has_a_session_on_both_days(market: GeneratedMarket) -> None:
    assert (NEXT - LAST).days == 1
    for calendar in market.days:
        assert sessions(calendar, LAST, NEXT)["session_date"].to_list() == [LAST, NEXT], calendar


def test_members_of_a_cluster_move_together_and_tails_are_fat() -> None:
    market = GeneratedMarket(N, 1000)
    returns = daily_returns(pl.concat(market.bars()))
    coins = [listing for listing in market.listings if listing.asset_class == "crypto"]
    inside, between = [], []
    for position, one in enumerate(coins):
        for other in coins[position + 1 :]:
            correlation = np.corrcoef(returns[one.symbol], returns[other.symbol])[0, 1]
            (inside if one.cluster == other.cluster else between).append(correlation)
    # 0.30 + 0.35 of the variance is shared inside a cluster, 0.30 between clusters.
    assert np.mean(inside) == pytest.approx(0.65, abs=0.08)
    assert np.mean(between) == pytest.approx(0.30, abs=0.08)
    scaled = [series / series.std() for series in returns.values()]
    assert np.mean([np.mean(series**4) for series in scaled]) > 3.5


def test_a_cross_rate_is_the_product_of_its_currencies() -> None:
    market = GeneratedMarket(1000, T)
    returns = daily_returns(pl.concat(market.bars()).filter(pl.col("asset_class") == "fx"))
    implied = returns["FX:EURUSD"] + returns["FX:USDJPY"]
    direct = returns["FX:EURJPY"]
    assert np.corrcoef(implied, direct)[0, 1] > 0.8


def test_the_listed_symbols_are_unique_and_described() -> None:
    for n_instruments in (20, 250, 4000, 13_334):
        listings = list_instruments(n_instruments)
        symbols = [listing.symbol for listing in listings]
        assert len(set(symbols)) == len(symbols) == n_instruments
        assert symbols[0] == BENCHMARK
        assert describe(listings)["symbol"].to_list() == symbols
    with pytest.raises(ValueError, match="at least 20"):
        list_instruments(19)


def test_the_source_files_reads_every_bar(market: GeneratedMarket, tmp_path: Path) -> None:
    n_bars = market.write(tmp_path)
    source = FilesSource(tmp_path, Venues.of(Paths.at()))
    instruments = source.instruments(as_of=LAST)
    assert instruments["symbol"].to_list() == sorted(listing.symbol for listing in market.listings)
    assert instruments["asset_class"].null_count() == instruments["currency"].null_count() == 0
    clock = dt.datetime.combine(LAST + dt.timedelta(days=1), dt.time(1))
    (batch,) = source.bars(BarRequest(tuple(instruments["symbol"]), None, LAST, clock, clock))
    assert batch.bars.height == n_bars == N * T
    assert batch.refused.is_empty()
