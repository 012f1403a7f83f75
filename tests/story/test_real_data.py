"""The same run on real market data, at two sessions; its portfolio re-checked with nothing of the code that made it."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from pathlib import Path

import exchange_calendars as xc
import polars as pl
import pytest

from tests.story.home import ROOT, Finished, Home

pytestmark = [pytest.mark.slow, pytest.mark.real_data, pytest.mark.xdist_group("story_real")]

CAP = 0.25
RUNS = {"recent": "2026-02-05", "earlier": "2023-12-29"}
PROFILES = ["barbell", "equal_weight", "hrp", "max_sharpe", "min_variance", "risk_parity"]


@pytest.fixture(scope="module")
def market_file() -> Path:
    folder = Path(os.environ.get("LAKEFOLIO_REAL_DATA", ROOT.parent / "shared" / "data"))
    file = folder / "market.parquet"
    if not file.is_file():
        pytest.skip(f"no market data at {file}: set LAKEFOLIO_REAL_DATA to the folder that holds it")
    return file


@pytest.fixture(scope="module")
def real(market_file: Path, new_home: Callable[..., Home]) -> tuple[Home, dict[str, Finished]]:
    """One home, two runs, the older session first as a calendar would have it."""
    home = new_home("real")
    ended = {
        run_id: home.run("run", "--profile", "production", "--source", "files", "--path", str(market_file),
                         "--as-of", RUNS[run_id], "--run-id", run_id)
        for run_id in ("earlier", "recent")
    }  # fmt: skip
    return home, ended


@pytest.mark.parametrize("run_id", sorted(RUNS))
def test_the_run_ends_well_or_at_a_gate_that_names_symbols(real: tuple[Home, dict[str, Finished]], run_id: str) -> None:
    home, ended = real
    finished = ended[run_id]
    assert finished.code in (0, 3), finished.err[-4000:]
    if finished.code == 3:
        ill = home.query("select symbol from results.health where run_id = ? and stage = 'full' and status not in "
                         "('OK', 'SHORT')", run_id)["symbol"].to_list()  # fmt: skip
        assert ill
        assert all(symbol in finished.err for symbol in ill)
    else:
        assert home.call("verify", run_id).ended(0)


@pytest.mark.parametrize("run_id", sorted(RUNS))
def test_published_weights_keep_their_promises(real: tuple[Home, dict[str, Finished]], run_id: str) -> None:
    home, ended = real
    if ended[run_id].code == 3:
        # A gate that shut published nothing, and that is the promise then.
        assert not list(home.folder(run_id).glob("weights/*"))
        return
    published = home.weights(run_id)
    assert sorted(published) == PROFILES
    for name, weights in published.items():
        invested = weights.filter(pl.col("sleeve") != "cash")
        assert weights["weight"].sum() == pytest.approx(1.0, abs=1e-6), name
        assert (weights["weight"] > 0).all(), name
        assert invested.group_by("cluster_id").agg(pl.col("weight").sum())["weight"].max() <= CAP + 1e-9, name
        assert invested["symbol"].is_unique().all(), name
        assert invested["identity"].is_unique().all(), name
        assert (invested["weight"] * invested["direction"] - invested["net_weight"]).abs().max() == 0.0, name
        assert not {"AMEX:SPY", "US:SPY"} & set(invested["symbol"]), name
        assert not [symbol for symbol in invested["symbol"] if symbol.split(":")[1].startswith("^")], name
    core, aggressor = (published["barbell"].filter(pl.col("sleeve") == sleeve) for sleeve in ("core", "aggressor"))
    for column in ("symbol", "identity", "cluster_id"):
        assert not set(core[column]) & set(aggressor[column]), column


@pytest.mark.parametrize("run_id", sorted(RUNS))
def test_nothing_that_is_held_lacks_a_bar_in_its_window(
    real: tuple[Home, dict[str, Finished]], run_id: str, market_file: Path
) -> None:
    """Read from the file itself: the newest bar of every holding is at most two expected sessions old."""
    home, ended = real
    if ended[run_id].code == 3:
        assert not list(home.folder(run_id).glob("weights/*"))
        return
    as_of = dt.date.fromisoformat(RUNS[run_id])
    held = {
        s for weights in home.weights(run_id).values() for s in weights.filter(pl.col("sleeve") != "cash")["symbol"]
    }
    file = pl.read_parquet(market_file, columns=["venue", "symbol", "date"]).with_columns(pl.col("date").cast(pl.Date))
    full = file.with_columns(pl.format("{}:{}", "venue", "symbol").alias("symbol")).filter(pl.col("date") <= as_of)
    newest = dict(full.group_by("symbol").agg(pl.col("date").max()).iter_rows())
    assert held
    assert [symbol for symbol in sorted(held) if (as_of - newest[symbol]).days > 6] == []


def test_the_report_of_real_data_does_not_say_simulated(real: tuple[Home, dict[str, Finished]]) -> None:
    home, ended = real
    for run_id, finished in ended.items():
        report = home.folder(run_id) / "portfolio_report.md"
        assert report.is_file() is (finished.code == 0)
        assert finished.code == 3 or "SIMULATED" not in report.read_text(encoding="utf-8")


def quarantined(home: Home, symbol: str) -> list[tuple[str, str]]:
    rows = home.query(
        "select session_date::varchar as day, reason from raw.quarantine where symbol = ? order by day", symbol
    )
    return [(row["day"], row["reason"]) for row in rows.to_dicts()]


def test_the_collapse_of_luna_is_quarantined_until_a_bar_confirms_it(real: tuple[Home, dict[str, Finished]]) -> None:
    found = quarantined(real[0], "BINANCE:LUNAUSDT")
    assert found == [(f"2022-05-{day}", "unconfirmed_jump") for day in (11, 12, 13)]


def test_inconsistent_currency_bars_are_quarantined_row_for_row(
    real: tuple[Home, dict[str, Finished]], market_file: Path
) -> None:
    """The rule of quant.md 1.7 on the file itself, and nothing else is inconsistent."""
    file = pl.read_parquet(market_file).filter(pl.col("date").cast(pl.Date) <= dt.date(2026, 2, 5))
    low, high = pl.min_horizontal("open", "close"), pl.max_horizontal("open", "close")
    wrong = file.filter((pl.col("low") > low) | (pl.col("high") < high))
    assert set(wrong["venue"]) == {"YAHOO_FX"}
    expected = wrong.group_by("symbol").len().with_columns(pl.format("YAHOO_FX:{}", "symbol").alias("symbol"))
    found = real[0].query(
        "select symbol, count(*) as n from raw.quarantine where reason = 'inconsistent_ohlc' group by symbol"
    )
    assert dict(found.iter_rows()) == dict(expected.iter_rows())


def test_the_collapse_of_ftt_is_accepted(real: tuple[Home, dict[str, Finished]]) -> None:
    home, _ = real
    rows = home.query("select close from raw.bars where symbol = 'BINANCE:FTTUSDT' and session_date = '2022-11-08'")
    assert rows.height == 1
    assert ("2022-11-08", "unconfirmed_jump") not in quarantined(home, "BINANCE:FTTUSDT")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of exchange_calendars, about pandas
def test_one_us_session_is_missing_in_the_whole_history(real: tuple[Home, dict[str, Finished]]) -> None:
    """exchange_calendars says what New York's sessions were; the lake holds all but one of them."""
    home, _ = real
    bars = home.query("select symbol, session_date from raw.bars where symbol like 'US:%' or symbol like 'CBOE:%' "
                      "or symbol like 'AMEX:%'")  # fmt: skip
    authority = xc.get_calendar("XNYS", start="2017-01-01", end="2026-12-31")
    assert bars["symbol"].n_unique() > 100
    missing, extra = [], []
    for (symbol,), own in bars.group_by(["symbol"], maintain_order=True):
        days = set(own["session_date"])
        expected = {stamp.date() for stamp in authority.sessions_in_range(min(days).isoformat(), max(days).isoformat())}
        missing += [(symbol, day) for day in sorted(expected - days)]
        extra += [(symbol, day) for day in sorted(days - expected)]
    assert missing == [("US:FISV", dt.date(2025, 11, 12))]
    assert extra == []
