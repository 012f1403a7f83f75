"""The first check of a run: there is something to run on."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.cli.command_line import exit_code_of_landing
from ingest.errors import UnknownVenueError
from lakefolio.errors import UsageError
from lakefolio.runs.progress import Reporter
from lakefolio.runs.run import Run
from lakefolio.runs.start import RunRequest, new_run
from lakefolio.steps.setup import env_check
from lakehouse.paths import Paths


def run_on(root: Path, csv: str) -> Run:
    file = root / "prices.csv"
    file.write_text(csv, encoding="utf-8")
    return new_run(Paths.at(root / "home"), RunRequest("demo", source="files", path=str(file)), Reporter())


@pytest.mark.parametrize(
    ("csv", "message"),
    [
        ("symbol,date,price\nAMEX:SPY,2024-01-02,470\n", "columns found: date, price, symbol"),
        ("symbol,date,close\nAMEX:SPY,2999-01-02,470\n", "no instrument with a bar up to"),
    ],
)
def test_a_file_without_an_instrument_is_refused_before_anything_is_written(
    tmp_path: Path, csv: str, message: str
) -> None:
    run = run_on(tmp_path, csv)
    with pytest.raises(UsageError, match=message) as refusal:
        env_check(run)
    assert str(tmp_path / "prices.csv") in str(refusal.value)
    assert "Bars need symbol (VENUE:TICKER), date and close" in str(refusal.value)
    assert not (tmp_path / "home" / "data" / "lakehouse").exists()


BARS = "symbol,date,close\n{}:{},2024-01-02,470\n"


def test_a_benchmark_that_is_not_among_the_data_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    run = run_on(tmp_path, BARS.format("NASDAQ", "QQQ"))
    message = "benchmark AMEX:SPY is not among the instruments of source 'files' \\(1 in all\\): add its bars"
    with pytest.raises(UsageError, match=message):
        env_check(run)
    assert not (tmp_path / "home" / "data" / "lakehouse").exists()


def test_the_benchmark_may_be_listed_at_another_venue(tmp_path: Path) -> None:
    run = run_on(tmp_path, BARS.format("ARCA", "SPY"))
    try:
        assert env_check(run).note == "1 instrument on 1 calendar, 28 scanners"
    finally:
        run.close()


def test_a_live_universe_without_the_benchmark_is_refused_before_it_is_asked(tmp_path: Path) -> None:
    request = RunRequest("demo", source="binance", settings=('source.symbols=["BINANCE:BTCUSDT"]',))
    with pytest.raises(UsageError, match="the benchmark AMEX:SPY is not among the instruments of source 'binance'"):
        env_check(new_run(Paths.at(tmp_path / "home"), request, Reporter()))


def test_an_unknown_venue_is_unusable_input(tmp_path: Path) -> None:
    with pytest.raises(UnknownVenueError, match="'NOWHERE' has no calendar") as refusal:
        env_check(run_on(tmp_path, BARS.format("NOWHERE", "SPY")))
    assert exit_code_of_landing(refusal.value) == 2
