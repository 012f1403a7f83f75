from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.cli import main
from tests.ingest.live.loopback_market import LAST, exchange_of
from tests.servers.exchange import Exchange

ROOT = Path(__file__).resolve().parents[3]
SYMBOLS = ["BINANCE:ONEUSDT", "BINANCE:TWOUSDT", "NASDAQ:AAA", "NASDAQ:BBB"]


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> Iterator[Exchange]:
    with exchange_of(SYMBOLS) as opened:
        for name, url in {
            "TRADINGVIEW_SCANNER": opened.scanner_url,
            "TRADINGVIEW_HISTORY": opened.history_url,
            "BINANCE_SPOT": opened.binance_spot_url,
            "BINANCE_FUTURES": opened.binance_futures_url,
            "YAHOO": opened.yahoo_url,
        }.items():
            monkeypatch.setenv(f"LAKEFOLIO_{name}_URL", url)
        yield opened


@pytest.mark.parametrize(
    ("source", "symbols"),
    [("tradingview", SYMBOLS), ("binance", SYMBOLS[:2]), ("yahoo", SYMBOLS[2:])],
)
@pytest.mark.usefixtures("exchange")
def test_bars_of_a_live_source_land(
    source: str, symbols: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--source", source, "--symbols", ",".join(symbols), "--home", str(tmp_path), "--json"]
    code = main(["bars", *arguments, "--as-of", LAST.isoformat(), "--since", "2024-05-01", "--batch", "2"])
    response = json.loads(capsys.readouterr().out)
    assert code == 0
    assert (response["landing"]["failures"], response["landing"]["n_requested"]) == ({}, len(symbols))
    assert response["landing"]["n_inserted"] == sum(31 if symbol.startswith("BINANCE") else 22 for symbol in symbols)


def test_the_scanner_of_the_source_is_exported(
    exchange: Exchange, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    arguments = ["--source", "tradingview", "--home", str(tmp_path), "--as-of", LAST.isoformat(), "--json"]
    code = main(["scan", *arguments, "--scanner", "equity_trend_long"])
    result = json.loads(capsys.readouterr().out)["scanners"]
    assert (code, [(one["scanner"], one["n_found"]) for one in result]) == (0, [("equity_trend_long", 2)])
    envelope = json.loads(Path(result[0]["export"]).read_text(encoding="utf-8"))
    assert (envelope["meta"]["source"], envelope["meta"]["is_simulated"]) == ("tradingview", False)
    assert main(["scan", *arguments, "--scanner", "equity_trend_long", "--limit", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["scanners"][0]["n_found"] == 1
    # The exchange has no weekly columns: nothing is found, and that is no error.
    assert main(["scan", *arguments, "--scanner", "equity_trend_long", "--interval", "1W"]) == 0
    assert json.loads(capsys.readouterr().out)["scanners"][0]["n_found"] == 0
    assert main(["scan", *arguments, "--scanner", "equity_trend_long", "--limit", "0"]) == 2
    assert "--limit '0' is not between 1" in capsys.readouterr().err
    exchange.faults.set("scanner", "forbidden")
    assert main(["scan", *arguments, "--scanner", "equity_trend_long"]) == 1
    assert "ingest: tradingview (127.0.0.1:" in capsys.readouterr().err


def test_progress_goes_to_stderr(exchange: Exchange, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--source", "binance", "--symbols", SYMBOLS[0], "--home", str(tmp_path), "--as-of", LAST.isoformat()]
    assert main(["bars", *arguments, "--since", "2024-05-01"]) == 0
    assert "binance: 1/1 symbols, 0 failed" in capsys.readouterr().err
    assert len(exchange.requests) == 1
