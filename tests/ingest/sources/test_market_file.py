"""Checks of a real market file by docs/method/01-time-sessions-bars.md#1.7, and its sessions against exchange_calendars."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import exchange_calendars as xc
import polars as pl
import pytest

from ingest.landing.quarantine import CheckedBars, check_bars
from ingest.reference.calendars import as_of_clock, sessions
from ingest.reference.venues import Venues
from ingest.sources.files import FilesSource
from ingest.sources.protocol import BarRequest

pytestmark = pytest.mark.real_data
LAST = dt.date(2026, 2, 5)


def landed(source: FilesSource, venues: Venues, as_of: dt.date) -> CheckedBars:
    result = source.instruments(as_of=as_of)
    named = pl.col("venue").replace_strict(venues.calendars_of(result["venue"])).alias("calendar")
    clock = as_of_clock(as_of)
    (batch,) = source.bars(
        BarRequest(tuple(result["symbol"]), None, as_of, clock, dt.datetime.fromisoformat("2026-12-01"))
    )
    assert batch.refused.is_empty()
    return check_bars(
        batch.bars, result.select("symbol", named), as_of_at=clock, fetched_at=dt.datetime.fromisoformat("2026-12-01")
    )


@pytest.fixture(scope="module")
def source(market: Path, venues: Venues) -> FilesSource:
    return FilesSource(market, venues)


@pytest.fixture(scope="module")
def checked(source: FilesSource, venues: Venues) -> CheckedBars:
    return landed(source, venues, dt.date(2026, 3, 25))


def test_known_bad_bars_go_to_quarantine_and_no_other(checked: CheckedBars) -> None:
    reasons = dict(checked.quarantined.group_by("reason").len().iter_rows())
    assert reasons == {"inconsistent_ohlc": 556, "unconfirmed_jump": 3}
    jumps = checked.quarantined.filter(pl.col("reason") == "unconfirmed_jump")
    assert jumps.select("symbol", "session_date").rows() == [
        ("BINANCE:LUNAUSDT", dt.date(2022, 5, day)) for day in (11, 12, 13)
    ]
    inconsistent = checked.quarantined.filter(pl.col("reason") == "inconsistent_ohlc")
    assert set(inconsistent["symbol"].str.split(":").list.first()) == {"YAHOO_FX"}


@pytest.mark.parametrize(
    ("symbol", "day"),
    [
        ("BINANCE:FTTUSDT", dt.date(2022, 11, 8)),
        ("BINANCE:DOGEUSDT", dt.date(2021, 1, 28)),
        ("YAHOO_CCC:DOGEUSD", dt.date(2021, 1, 28)),
        ("US:KDP", dt.date(2018, 7, 10)),
    ],
)
def test_real_moves_are_accepted(checked: CheckedBars, symbol: str, day: dt.date) -> None:
    assert checked.accepted.filter((pl.col("symbol") == symbol) & (pl.col("session_date") == day)).height == 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of exchange_calendars, about pandas
def test_one_us_bar_is_missing_in_all_and_none_too_many(checked: CheckedBars) -> None:
    authority = xc.get_calendar("XNYS", start="2017-01-01", end="2026-12-31")
    us = checked.accepted.filter(pl.col("symbol").str.starts_with("US:") | pl.col("symbol").str.starts_with("CBOE:"))
    missing = []
    for (symbol,), bars in us.group_by("symbol", maintain_order=True):
        days = bars["session_date"]
        expected = {
            stamp.date() for stamp in authority.sessions_in_range(days.min().isoformat(), days.max().isoformat())
        }  # type: ignore[union-attr]
        assert set(days) <= expected
        missing += [(symbol, day) for day in sorted(expected - set(days))]
    assert missing == [("US:FISV", dt.date(2025, 11, 12))]


def test_reference_rates_have_no_gap_against_the_target_days(checked: CheckedBars) -> None:
    for (symbol,), bars in checked.accepted.filter(pl.col("symbol").str.starts_with("ECB:")).group_by("symbol"):
        days = bars["session_date"].sort()
        assert days.to_list() == sessions("XECB", days[0], days[-1])["session_date"].to_list(), symbol


def test_the_file_becomes_typed_instruments(source: FilesSource) -> None:
    result = source.instruments(as_of=LAST)
    assert result.height == 437
    by_class = dict(result.group_by("asset_class").len().iter_rows())
    assert by_class == {"equity": 312, "etf": 28, "crypto": 46, "fx": 49, "index": 2}
    assert result.filter(pl.col("product") == "perp")["symbol"].str.ends_with(".P").all()
    assert result.filter(pl.col("asset_class").is_in(["crypto", "fx"]))["quote"].null_count() == 0
    apple = result.row(by_predicate=pl.col("symbol") == "US:AAPL", named=True)
    assert (apple["name"], apple["currency"], apple["country"]) == ("Apple Inc.", "USD", "US")
    close_only = set(result.filter("is_close_only")["symbol"])
    assert {"ECB:EURUSD", "US:TLT"} <= close_only
    assert "US:SPY" not in close_only


def test_bars_of_a_date_do_not_depend_on_what_the_file_holds_after_it(
    market: Path, venues: Venues, tmp_path: Path
) -> None:
    as_of = dt.date(2022, 5, 11)
    some = pl.read_parquet(market).filter(pl.col("symbol").is_in(["LUNAUSDT", "FTTUSDT", "SPY", "EURUSD"]))
    noise = pl.when(pl.col("date").dt.date() > as_of).then(pl.col("close") * 37.0).otherwise("close").alias("close")
    evaluations = []
    for name, frame in (("told", some), ("noise", some.with_columns(noise).reverse())):
        (tmp_path / name).mkdir()
        frame.write_parquet(tmp_path / name / "bars.parquet")
        evaluations.append(landed(FilesSource(tmp_path / name, venues), venues, as_of))
    assert evaluations[0].accepted.equals(evaluations[1].accepted)
    assert evaluations[0].quarantined.drop("row_number").equals(evaluations[1].quarantined.drop("row_number"))
    assert "BINANCE:LUNAUSDT" in evaluations[0].quarantined["symbol"]
