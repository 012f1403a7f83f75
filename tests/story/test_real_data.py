"""The same run on real market data, at two sessions; its portfolio re-checked with nothing of the code that made it."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import exchange_calendars as xc
import polars as pl
import pytest

from tests.story.home import ROOT, Finished, Home

pytestmark = [pytest.mark.slow, pytest.mark.real_data]

CAP = 0.25
FEW_WINDOWS = ("--set", "tournament.train_sessions=400", "--set", "tournament.bootstrap_samples=20")
"""Five windows instead of twelve: nothing here rests on what the tournament measures."""
RUNS = {"recent": "2026-02-05", "earlier": "2023-12-29"}
PROFILES = ["barbell", "equal_weight", "hrp", "max_sharpe", "min_variance", "risk_parity"]


@pytest.fixture(scope="module")
def market_file() -> Path:
    folder = Path(os.environ.get("LAKEFOLIO_REAL_DATA", ROOT.parent / "shared" / "data"))
    file = folder / "market.parquet"
    if not file.is_file():
        pytest.skip(f"no market data at {file}: set LAKEFOLIO_REAL_DATA to the folder that holds it")
    return file


@dataclass(frozen=True)
class SessionRun:
    """A session's run: how it ended, and the symbols that its health gate named."""

    ended: Finished
    excluded: tuple[str, ...]


@pytest.fixture(scope="module")
def home(market_file: Path, new_home: Callable[..., Home]) -> Home:
    return new_home("real")


@pytest.fixture(scope="module")
def runs(home: Home, market_file: Path) -> dict[str, SessionRun]:
    """Two sessions in one home, the older first as a calendar would have it."""
    return {run_id: run_at(home, market_file, run_id) for run_id in ("earlier", "recent")}


def run_at(home: Home, market_file: Path, run_id: str) -> SessionRun:
    words = ("--source", "files", "--path", str(market_file), "--as-of", RUNS[run_id])
    ended = home.run("run", "--profile", "production", *words, *FEW_WINDOWS, "--run-id", run_id)
    return SessionRun(ended, tuple(unhealthy(home, run_id)) if ended.code == 3 else ())


def unhealthy(home: Home, run_id: str) -> list[str]:
    rows = home.query(
        "select symbol from results.health where run_id = ? and stage = 'full' and status not in ('OK', 'SHORT') "
        "order by symbol", run_id,
    )  # fmt: skip
    return rows["symbol"].to_list()


@pytest.mark.parametrize("session", sorted(RUNS))
def test_the_run_ends_well_or_at_the_gate_for_a_reason_that_is_true(
    home: Home, runs: dict[str, SessionRun], session: str, market_file: Path
) -> None:
    run = runs[session]
    assert run.ended.code in (0, 3), run.ended.err[-4000:]
    assert (run.ended.code == 3) is bool(run.excluded)
    for symbol in run.excluded:
        assert symbol in run.ended.err
        assert has_hole(market_file, symbol, dt.date.fromisoformat(RUNS[session])), symbol


def test_a_run_that_ends_at_the_health_gate_publishes_nothing(home: Home, runs: dict[str, SessionRun]) -> None:
    assert runs["earlier"].ended.code == 3
    assert not list(home.folder("earlier").glob("weights/*"))
    assert home.query("select count(*) as n from results.weights where run_id = 'earlier'")["n"][0] == 0


def has_hole(market_file: Path, symbol: str, as_of: dt.date) -> bool:
    """Whether the file lacks a session of a coin in its last 500 weekdays: every day is a session."""
    venue, ticker = symbol.split(":")
    file = pl.scan_parquet(market_file).filter(pl.col("venue") == venue, pl.col("symbol") == ticker)
    days = file.select(pl.col("date").cast(pl.Date)).collect()["date"]
    own = days.filter(days.is_between(as_of - dt.timedelta(days=720), as_of))
    assert venue == "BINANCE", f"{symbol} is no coin: look at its calendar"
    return len(own) < (as_of - max(days.min(), as_of - dt.timedelta(days=720))).days + 1


def test_the_recent_run_is_published_and_verifies(home: Home, runs: dict[str, SessionRun]) -> None:
    runs["recent"].ended.ended(0)
    home.call("verify", "recent").ended(0)


def test_published_weights_keep_their_promises(home: Home, runs: dict[str, SessionRun]) -> None:
    published = home.weights("recent")
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
    assert aggressor.height
    for column in ("symbol", "identity", "cluster_id"):
        assert not set(core[column]) & set(aggressor[column]), column


def test_nothing_that_is_held_had_stopped_trading(home: Home, runs: dict[str, SessionRun], market_file: Path) -> None:
    """Read from the file itself: every holding has a bar within days of the session."""
    as_of = dt.date.fromisoformat(RUNS["recent"])
    published = home.weights("recent")
    held = {s for weights in published.values() for s in weights.filter(pl.col("sleeve") != "cash")["symbol"]}
    file = pl.read_parquet(market_file, columns=["venue", "symbol", "date"]).with_columns(pl.col("date").cast(pl.Date))
    full = file.with_columns(pl.format("{}:{}", "venue", "symbol").alias("symbol")).filter(pl.col("date") <= as_of)
    newest = dict(full.group_by("symbol").agg(pl.col("date").max()).iter_rows())
    assert held
    assert [symbol for symbol in sorted(held) if (as_of - newest[symbol]).days > 6] == []


def test_the_report_of_real_data_does_not_say_simulated(home: Home, runs: dict[str, SessionRun]) -> None:
    report = home.folder("recent") / "portfolio_report.md"
    assert "SIMULATED" not in report.read_text(encoding="utf-8")


def quarantined(home: Home, symbol: str) -> list[tuple[str, str]]:
    rows = home.query(
        "select session_date::varchar as day, reason from raw.quarantine where symbol = ? order by day", symbol
    )
    return [(row["day"], row["reason"]) for row in rows.to_dicts()]


def test_the_collapse_of_luna_is_quarantined_until_a_bar_confirms_it(home: Home, runs: dict[str, SessionRun]) -> None:
    found = quarantined(home, "BINANCE:LUNAUSDT")
    assert found == [(f"2022-05-{day}", "unconfirmed_jump") for day in (11, 12, 13)]


def test_inconsistent_currency_bars_are_quarantined_row_for_row(
    home: Home, runs: dict[str, SessionRun], market_file: Path
) -> None:
    """The rule of docs/method/01-time-sessions-bars.md#1.7 on the file itself, and nothing else is inconsistent."""
    file = pl.read_parquet(market_file).filter(pl.col("date").cast(pl.Date) <= dt.date(2026, 2, 5))
    low, high = pl.min_horizontal("open", "close"), pl.max_horizontal("open", "close")
    wrong = file.filter((pl.col("low") > low) | (pl.col("high") < high))
    assert set(wrong["venue"]) == {"YAHOO_FX"}
    expected = wrong.group_by("symbol").len().with_columns(pl.format("YAHOO_FX:{}", "symbol").alias("symbol"))
    found = home.query(
        "select symbol, count(*) as n from raw.quarantine where reason = 'inconsistent_ohlc' group by symbol"
    )
    assert dict(found.iter_rows()) == dict(expected.iter_rows())


def test_the_collapse_of_ftt_is_accepted(home: Home, runs: dict[str, SessionRun]) -> None:
    rows = home.query("select close from raw.bars where symbol = 'BINANCE:FTTUSDT' and session_date = '2022-11-08'")
    assert rows.height == 1
    assert ("2022-11-08", "unconfirmed_jump") not in quarantined(home, "BINANCE:FTTUSDT")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of exchange_calendars, about pandas
def test_one_us_session_is_missing_in_the_whole_history(home: Home, runs: dict[str, SessionRun]) -> None:
    """exchange_calendars says what New York's sessions were; the lake holds all but one of them."""
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
