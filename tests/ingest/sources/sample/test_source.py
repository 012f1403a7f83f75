from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from sklearn.metrics import adjusted_rand_score

from ingest.errors import CalendarRangeError
from ingest.landing.quarantine import CheckedBars, check_bars
from ingest.reference.calendars import all_sessions, as_of_clock
from ingest.reference.venues import Venues
from ingest.sources.protocol import BarRequest, Source
from ingest.sources.sample.source import SampleSource
from ingest.sources.sample.universe import (
    BENCHMARK,
    CRISIS,
    FIRST_DAY,
    SAMPLE_AS_OF,
    bad_ticks,
    delisted,
    late_listings,
    planted_clusters,
    planted_gaps,
)


def bars_of(source: SampleSource, as_of: dt.date, symbols: tuple[str, ...] | None = None) -> pl.DataFrame:
    known = tuple(source.instruments(symbols, as_of=as_of)["symbol"])
    (batch,) = source.bars(BarRequest(known, None, as_of, as_of_clock(as_of), dt.datetime.fromisoformat("2028-01-01")))
    return batch.bars


@pytest.fixture(scope="module")
def bars(sample: SampleSource) -> pl.DataFrame:
    return bars_of(sample, SAMPLE_AS_OF)


@pytest.fixture(scope="module")
def instruments(sample: SampleSource) -> pl.DataFrame:
    return sample.instruments(as_of=SAMPLE_AS_OF)


@pytest.fixture(scope="module")
def calendars(instruments: pl.DataFrame, venues: Venues) -> pl.DataFrame:
    named = pl.col("venue").replace_strict(venues.calendars_of(instruments["venue"])).alias("calendar")
    return instruments.select("symbol", named)


@pytest.fixture(scope="module")
def checked(bars: pl.DataFrame, calendars: pl.DataFrame) -> CheckedBars:
    return check_bars(
        bars, calendars, as_of_at=as_of_clock(SAMPLE_AS_OF), fetched_at=dt.datetime.fromisoformat("2026-01-01")
    )


def test_the_market_is_broad_and_labelled(sample: SampleSource, instruments: pl.DataFrame) -> None:
    assert isinstance(sample, Source)
    assert sample.is_simulated
    assert instruments.height >= 240
    counts = dict(instruments.group_by("asset_class").len().iter_rows())
    assert set(counts) >= {"equity", "etf", "bond", "crypto", "fx", "future"}
    assert min(counts.values()) >= 9
    assert instruments["name"].str.contains("SIMULATED", literal=True).all()
    assert BENCHMARK in instruments["symbol"]
    assert instruments["venue"].filter(~instruments["venue"].str.starts_with("SIM")).to_list() == ["AMEX"]
    assert set(instruments.filter(pl.col("asset_class") == "crypto")["product"]) == {"spot", "perp"}
    venues_of_btc = instruments.filter(pl.col("base") == "BTC", pl.col("product") == "spot")
    assert venues_of_btc["venue"].n_unique() == 4


def test_about_eleven_hundred_sessions_lie_before_the_default_as_of(bars: pl.DataFrame) -> None:
    assert 1_090 <= bars.filter(pl.col("symbol") == BENCHMARK).height <= 1_120


def test_every_class_keeps_its_weekends(bars: pl.DataFrame, instruments: pl.DataFrame) -> None:
    weekend = bars.filter(pl.col("session_date").dt.weekday() > 5).join(instruments, on="symbol")
    assert set(weekend["asset_class"]) == {"crypto"}
    christmas = bars.filter(pl.col("session_date") == dt.date(2024, 12, 25)).join(instruments, on="symbol")
    assert set(christmas["asset_class"]) == {"crypto", "fx", "cfd"}


def test_gaps_are_found_one_for_one_and_no_other(checked: CheckedBars, calendars: pl.DataFrame) -> None:
    expected: set[tuple[str, dt.date]] = set()
    for symbol, calendar in calendars.iter_rows():
        days = all_sessions(calendar)["session_date"]
        first = late_listings().get(symbol, FIRST_DAY)
        last = delisted().get(symbol, SAMPLE_AS_OF)
        expected |= {(symbol, day) for day in days.filter(days.is_between(first, last))}
    present = set(checked.accepted.select("symbol", "session_date").iter_rows())
    assert present <= expected
    assert expected - present == set(planted_gaps()) | set(bad_ticks())


def test_planted_ticks_and_only_these_are_caught(checked: CheckedBars) -> None:
    found = {
        (symbol, day): reason
        for symbol, day, reason in checked.quarantined.select("symbol", "session_date", "reason").iter_rows()
    }
    assert found == bad_ticks()


def test_every_faulty_instrument_has_a_fault_in_the_last_sixty_sessions() -> None:
    days = all_sessions("XNYS")["session_date"]
    window_start = days.filter(days <= SAMPLE_AS_OF)[-60]
    assert {symbol for symbol, day in planted_gaps() if day >= window_start} == {symbol for symbol, _ in planted_gaps()}
    assert all(day >= window_start for _, day in bad_ticks())


def test_late_listings_and_the_delisting_are_as_planted(bars: pl.DataFrame, instruments: pl.DataFrame) -> None:
    spans = bars.group_by("symbol").agg(
        pl.col("session_date").min().alias("first"), pl.col("session_date").max().alias("last")
    )
    first = dict(spans.select("symbol", "first").iter_rows())
    last = dict(spans.select("symbol", "last").iter_rows())
    for symbol, day in late_listings().items():
        assert first[symbol] == day
    for symbol, day in delisted().items():
        assert last[symbol] == day
    assert {symbol for symbol, day in last.items() if day < SAMPLE_AS_OF} == set(delisted())
    assert dict(instruments.select("symbol", "first_session").iter_rows()) == first


def test_an_instrument_is_unknown_before_it_is_listed(sample: SampleSource) -> None:
    symbol, day = "SIMX:TEC13", late_listings()["SIMX:TEC13"]
    assert sample.instruments((symbol,), as_of=day - dt.timedelta(days=1)).is_empty()
    assert sample.instruments((symbol,), as_of=day).height == 1


def test_a_later_as_of_only_appends(sample: SampleSource, bars: pl.DataFrame) -> None:
    some = ("SIMX:TEC01", "SIMCRYPTO_B:BTCUSDT", "SIMFX_A:EURUSD", "SIMFUT_A:HG1!", "SIMX:MAT06", BENCHMARK)
    later = bars_of(sample, dt.date(2027, 6, 30), some).drop("row_number")
    now = bars.filter(pl.col("symbol").is_in(some)).drop("row_number")
    assert later.height > now.height
    order = ["symbol", "session_date"]
    assert_frame_equal(later.filter(pl.col("session_date") <= SAMPLE_AS_OF).sort(order), now.sort(order))


def test_bars_of_one_symbol_do_not_depend_on_the_other_symbols_requested(
    sample: SampleSource, bars: pl.DataFrame
) -> None:
    alone = bars_of(sample, SAMPLE_AS_OF, ("SIMX:BNK02",)).drop("row_number")
    assert_frame_equal(alone, bars.filter(pl.col("symbol") == "SIMX:BNK02").drop("row_number"))


def test_another_seed_gives_another_market(venues: Venues, bars: pl.DataFrame) -> None:
    other = bars_of(SampleSource(venues, seed=7), SAMPLE_AS_OF, (BENCHMARK,))
    assert not other["close"].equals(bars.filter(pl.col("symbol") == BENCHMARK)["close"])


def test_bars_beyond_the_horizon_are_refused(sample: SampleSource) -> None:
    with pytest.raises(CalendarRangeError, match="2027-12-31"):
        bars_of(sample, dt.date(2028, 1, 3), (BENCHMARK,))


def grid_returns(checked: CheckedBars, symbols: list[str], n_sessions: int) -> np.ndarray:
    """Returns on the business grid: the last close at or before each weekday, so weekends are compounded."""
    wide = checked.accepted.pivot("symbol", index="session_date", values="close").sort("session_date")
    grid = wide.filter(pl.col("session_date").dt.weekday() <= 5).select(pl.col(symbols).forward_fill())
    prices = grid.tail(n_sessions + 1).to_numpy()
    return prices[1:] / prices[:-1] - 1.0


def test_planted_clusters_are_recovered(checked: CheckedBars) -> None:
    recent = {symbol for symbol, day in late_listings().items() if day > SAMPLE_AS_OF - dt.timedelta(days=180)}
    symbols = sorted(set(planted_clusters()) - recent - set(delisted()))
    rho = np.corrcoef(grid_returns(checked, symbols, 120).T)
    distance = np.sqrt(np.clip((1.0 - rho) / 2.0, 0.0, 1.0))
    np.fill_diagonal(distance, 0.0)
    planted = [planted_clusters()[symbol] for symbol in symbols]
    found = fcluster(linkage(squareform(distance, checks=False), "ward"), len(set(planted)), "maxclust")
    assert len(set(planted)) >= 20
    assert adjusted_rand_score(planted, found) >= 0.8


def test_volatility_in_the_crisis_is_about_four_times_as_high(checked: CheckedBars) -> None:
    spy = checked.accepted.filter(pl.col("symbol") == BENCHMARK).sort("session_date")
    moves = spy.select("session_date", pl.col("close").log().diff().alias("move")).drop_nulls()
    in_crisis = moves["session_date"].is_between(*CRISIS)
    ratio = moves.filter(in_crisis)["move"].std() / moves.filter(~in_crisis)["move"].std()  # type: ignore[operator]
    assert 2.5 < ratio < 6.0


def test_trends_run_in_both_directions_over_many_clusters(checked: CheckedBars, instruments: pl.DataFrame) -> None:
    """The performance half of the trend rule (docs/method/05-discovery-selection.md#5.1), by identity, on returns
    computed here."""
    known = instruments.with_columns(
        pl.col("symbol").replace_strict(planted_clusters(), default=None).alias("cluster"),
        pl.coalesce("base", "root", "ticker").alias("stem"),
    ).unique(subset=["stem", "asset_class"], keep="first", maintain_order=True)
    longs, shorts = set(), set()
    for symbol, cluster, kind in known.select("symbol", "cluster", "asset_class").iter_rows():
        close = checked.accepted.filter(pl.col("symbol") == symbol).sort("session_date")["close"].to_numpy()
        spans = (7, 30, 90) if kind == "crypto" else (5, 21, 63)
        if len(close) <= max(spans):
            continue
        week, month, quarter = (100.0 * (close[-1] / close[-1 - n] - 1.0) for n in spans)
        if week > 0 and month > 0.5 and quarter > 1.0:
            longs.add((symbol, cluster, kind))
        if week < 0 and month < -0.5 and quarter < -1.0:
            shorts.add((symbol, cluster, kind))
    assert len(longs) >= 80
    assert len(shorts) >= 20
    assert len({cluster for _, cluster, _ in longs}) >= 8
    assert len({cluster for _, cluster, _ in shorts}) >= 4
    assert len({kind for _, _, kind in longs}) >= 5
    assert len({kind for _, _, kind in shorts}) >= 3
