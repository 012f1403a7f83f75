"""Landings of generated markets: day after day, and file by file."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.lake import market as market_module
from benchmarks.lake import simulated_days
from benchmarks.lake.bulk import land_folder
from benchmarks.lake.market import LAST, GeneratedMarket
from benchmarks.lake.simulated_days import simulate_days
from lakehouse.connection.catalog import Lake
from lakehouse.paths import Paths

pytestmark = pytest.mark.slow  # each opens a lake of its own, several times

N = 24


@pytest.fixture(autouse=True)
def no_other_lake(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LAKEFOLIO_CATALOG", "LAKEFOLIO_DATA", "LAKEFOLIO_EXTENSIONS"):
        monkeypatch.delenv(name, raising=False)


def test_a_day_lands_its_own_bars_and_leaves_the_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated_days, "BASE_SESSIONS", 30)
    days = simulate_days(tmp_path, N, 3, run_every=0)
    market = GeneratedMarket(N, 33)
    assert [day.session_date for day in days] == ["2025-12-08", "2025-12-09", "2025-12-10"]
    n_coins = sum(listing.asset_class == "crypto" for listing in market.listings)
    # Coins trade on Saturday and Sunday too, and their bars land with those of Monday.
    assert [day.n_bars for day in days] == [N + 2 * n_coins, N, N]
    with Lake.open(Paths.at(tmp_path), read_only=True) as lake:
        landed = lake.rows("select count(*), count(distinct symbol), max(session_date) from raw.bars")
        assert landed == [(sum(bars.height for bars in market.bars()), N, LAST)]
        assert lake.rows("select count(*) from raw.quarantine") == [(0,)]
    assert days[-1].n_snapshots > days[0].n_snapshots
    assert days[-1].lake_bytes > days[-1].raw_bytes > days[0].raw_bytes


def test_files_that_are_landed_one_by_one_are_one_market(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market_module, "CHUNK", 10)
    n_bars = GeneratedMarket(N, 20).write(tmp_path / "bars")
    assert len(list((tmp_path / "bars").glob("bars_*.parquet"))) == 3
    assert land_folder(tmp_path / "home", tmp_path / "bars") == n_bars == N * 20
    with Lake.open(Paths.at(tmp_path / "home"), read_only=True) as lake:
        assert lake.rows("select count(*), count(valid_to) from raw.instruments") == [(N, 0)]
