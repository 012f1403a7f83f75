from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.cli.command_line import CommandLineError
from ingest.cli.request import CommandOptions, ScanOptions, resolve_request, symbols_of_file
from ingest.errors import ScannerConfigError
from ingest.reference.calendars import as_of_clock, now_utc
from ingest.sources.binance import BinanceSource
from ingest.sources.sample.universe import SAMPLE_AS_OF


def options(folder: Path, **changes: object) -> CommandOptions:
    given = CommandOptions("bars", folder / "home", "sample", None, None, None, None, None, None, as_json=True)
    return replace(given, **changes)  # type: ignore[arg-type]


def test_the_simulated_market_stands_on_its_last_session_and_other_sources_on_the_present(tmp_path: Path) -> None:
    sample = resolve_request(options(tmp_path)).landing
    assert (sample.last, sample.as_of_at) == (SAMPLE_AS_OF, as_of_clock(SAMPLE_AS_OF))
    before = now_utc()
    live = resolve_request(options(tmp_path, source="binance", symbols="BINANCE:BTCUSDT")).landing
    assert before <= live.as_of_at <= now_utc()
    assert live.last == live.as_of_at.date()
    dated = resolve_request(options(tmp_path, source="binance", as_of=dt.date(2024, 3, 8))).landing
    assert dated.as_of_at == as_of_clock(dt.date(2024, 3, 8))


def test_symbols_and_the_size_of_a_batch_reach_the_source(tmp_path: Path) -> None:
    request = resolve_request(options(tmp_path, source="binance", symbols="BINANCE:BTCUSDT, BINANCE:ETHUSDT", batch=3))
    assert isinstance(request.source, BinanceSource)
    assert request.source.symbols == request.landing.symbols == ("BINANCE:BTCUSDT", "BINANCE:ETHUSDT")
    assert request.source.pace.size == 3
    recovering = resolve_request(options(tmp_path, command="recover", source="binance")).source
    assert isinstance(recovering, BinanceSource)
    assert recovering.pace.size == 1


def test_scanners_are_loaded_for_a_scan_and_for_a_source_that_has_a_scanner(tmp_path: Path) -> None:
    assert resolve_request(options(tmp_path)).scanners == ()
    assert len(resolve_request(options(tmp_path, source="tradingview")).scanners) == 28
    scan = ScanOptions(("equity_trend_long",), limit=7, interval="1W")
    (scanner,) = resolve_request(options(tmp_path, command="scan"), scan).scanners
    assert (scanner.name, scanner.limit, scanner.interval) == ("equity_trend_long", 7, "1W")
    with pytest.raises(ScannerConfigError, match="did you mean 'equity_trend_long'"):
        resolve_request(options(tmp_path, command="scan"), ScanOptions(("equity_trend_lnog",)))


def test_options_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    candidates = tmp_path / "candidates.json"
    candidates.write_text('["SIMX:TEC01"]', encoding="utf-8")
    assert resolve_request(options(tmp_path), candidates=candidates).landing.symbols == ("SIMX:TEC01",)
    with pytest.raises(CommandLineError, match="--symbols and --candidates both name symbols"):
        resolve_request(options(tmp_path, symbols="SIMX:TEC01"), candidates=candidates)
    same = dt.date(2024, 3, 8)
    assert resolve_request(options(tmp_path, as_of=same, since=same)).landing.first == same
    with pytest.raises(CommandLineError, match="--since 2024-03-09 is after --as-of 2024-03-08"):
        resolve_request(options(tmp_path, as_of=same, since=same + dt.timedelta(days=1)))
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ('["SIMX:TEC01", "SIMX:MAT06", "SIMX:TEC01"]', ("SIMX:TEC01", "SIMX:MAT06")),
        ('{"meta": {}, "data": [{"symbol": "SIMX:TEC01", "rank": 1}]}', ("SIMX:TEC01",)),
        ('[{"symbol": "SIMX:MAT06"}]', ("SIMX:MAT06",)),
    ],
)
def test_candidates_are_read_from_a_list_or_an_envelope(tmp_path: Path, text: str, symbols: tuple[str, ...]) -> None:
    file = tmp_path / "candidates.json"
    file.write_text(text, encoding="utf-8")
    assert symbols_of_file(file) == symbols


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[" * 100_000, "is not JSON"),
        ('{"data": []}', "lists no symbol"),
        ("3", "lists no symbol"),
        ('[{"name": "x"}]', "symbol 'None' is refused"),
        ('["../x"]', "symbol '../x' is refused"),
    ],
    ids=range(5),
)
def test_a_file_without_candidates_is_refused(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "candidates.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(CommandLineError, match=named):
        symbols_of_file(file)
