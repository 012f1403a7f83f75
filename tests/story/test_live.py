"""A whole run against services that speak the real protocols, on this machine: discovery and history from outside."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pytest

from ingest.screening.scanners import load_scanners
from lakefolio.pipeline.reproduction import RecordedSource
from lakefolio.runs.start import run_facts
from lakehouse.connection.catalog import Lake, LakeSettings
from tests.servers.exchange import Exchange
from tests.story import live_market
from tests.story.conftest import NewHome
from tests.story.home import ROOT, Finished, Home

RUN = "live"
WORDS = (
    "run", "--profile", "development", "--source", "tradingview", "--as-of", live_market.LAST.isoformat(),
    "--set", "data.full_sessions=160", "--set", "tournament.train_sessions=100", "--set", "tournament.bootstrap_samples=50",
)  # fmt: skip


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    return live_market.bars()


@pytest.fixture(scope="module")
def from_bars(bars: pl.DataFrame, new_home: NewHome) -> tuple[pl.DataFrame, pl.DataFrame]:
    return live_market.scanned_from_bars(new_home("live-files"), bars)


@pytest.fixture(scope="module")
def exchange(bars: pl.DataFrame, from_bars: tuple[pl.DataFrame, pl.DataFrame]) -> Iterator[Exchange]:
    columns = live_market.exchange_columns(from_bars[0], bars)
    with Exchange(bars, live_market.instruments(), columns) as opened:
        yield opened


@pytest.fixture(scope="module")
def live(exchange: Exchange, new_home: NewHome) -> Home:
    home = new_home("live")
    home.extra |= {
        "LAKEFOLIO_TRADINGVIEW_SCANNER_URL": exchange.scanner_url,
        "LAKEFOLIO_TRADINGVIEW_HISTORY_URL": exchange.history_url,
    }
    return home


@pytest.fixture(scope="module")
def told(live: Home, exchange: Exchange) -> dict[str, Finished | str]:
    """One run in three parts: the service serves a gap, and one series not at all, while the winners are fetched."""
    found = live.run(*WORDS, "--run-id", RUN, "--stop-step", "selection").ended(0)
    winners = live.query("select symbol from results.selection where is_selected and symbol like 'NASDAQ:%' order by 1")
    gappy, silent = winners["symbol"].to_list()[:2]
    exchange.faults.set("history", "gap", match=gappy, at=-100)
    exchange.faults.set("history", "symbol_error_silence", match=silent)
    resume = ("run", "--run-id", RUN, "--start-step")
    fetched = live.run(*resume, "full-prep", "--stop-step", "full-prep").ended(0)
    gaps = live.query("select symbol, n_gaps from results.health where stage = 'full' and n_gaps > 0")
    exchange.faults.clear()
    return {
        "found": found, "fetched": fetched, "gappy": gappy, "silent": silent, "gaps": str(gaps.rows()),
        "end": live.run(*resume, "health"),
    }  # fmt: skip


@pytest.fixture(scope="module")
def first(told: dict[str, Finished | str]) -> Finished:
    end = told["end"]
    assert isinstance(end, Finished)
    return end


def test_all_steps_complete_and_verify(first: Finished, live: Home) -> None:
    first.ended(0)
    assert [body["status"] for body in live.outcomes(RUN).values()] == ["done"] * 17
    live.call("verify", RUN).ended(0)


def test_the_service_s_scanner_finds_what_the_rules_find_on_bars(
    first: Finished, live: Home, from_bars: tuple[pl.DataFrame, pl.DataFrame]
) -> None:
    first.ended(0)
    found = live.query("select scanner, symbol, rank, value_traded_usd from raw.scans order by all")
    assert found.height > 20
    assert found.select("scanner", "symbol", "rank").equals(from_bars[1].select("scanner", "symbol", "rank"))


def test_bars_are_the_service_s_own(first: Finished, live: Home, bars: pl.DataFrame) -> None:
    first.ended(0)
    held = live.query("select symbol, session_date, close from raw.bars where source = 'tradingview'")
    joined = held.join(bars, on=["symbol", "session_date"], how="left")
    assert held.height > 1000
    assert joined["close_right"].null_count() == 0
    assert (joined["close"] / joined["close_right"] - 1).abs().max() < 1e-9


def test_what_the_service_found_is_read_back_from_the_record(first: Finished, live: Home) -> None:
    first.ended(0)
    done = live.outcomes(RUN)
    with Lake.open(live.paths, settings=LakeSettings(memory_limit="1GiB", threads=1), read_only=True) as lake:
        recorded = RecordedSource(lake, done["health"]["snapshot_written"], RUN, run_facts(live.folder(RUN)))
        held = lake.query("select * exclude (run_id) from raw.scans where run_id = ?", [RUN])
    assert not recorded.scans_from_bars
    scanners = load_scanners(ROOT / "configs", tuple(held["scanner"].unique()))
    found = pl.concat(recorded.scan(scanner, as_of=live_market.LAST) for scanner in scanners)
    assert found.sort("scanner", "rank").equals(held.sort("scanner", "rank"))


def test_a_gap_and_an_unanswered_series_are_healed_by_the_step_health(
    told: dict[str, Finished | str], first: Finished, live: Home, bars: pl.DataFrame
) -> None:
    first.ended(0)
    assert str(told["gappy"]) in str(told["gaps"])
    log = (live.folder(RUN) / "logs" / "full-prep.log").read_text(encoding="utf-8")
    assert f"{told['silent']} was not answered in whole" in log
    assert ", 2 asked for again, 0 unhealthy" in first.err
    held = live.query("select symbol, session_date from raw.bars")
    for symbol in (told["gappy"], told["silent"]):
        mine = held.filter(pl.col("symbol") == symbol)["session_date"]
        due = bars.filter((pl.col("symbol") == symbol) & (pl.col("session_date") >= mine.min()))["session_date"]
        assert sorted(mine) == sorted(due)
        assert mine.len() > 160


def test_replaying_discovery_at_a_service_that_knows_only_the_present_is_refused_at_once(live: Home) -> None:
    refused = live.run(*WORDS, "--set", "flags.feat_pit_fidelity=true").ended(2)
    assert "switch feat_pit_fidelity off" in refused.err
