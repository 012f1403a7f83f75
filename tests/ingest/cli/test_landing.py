"""Commands that land data: the simulated market, files, and the live sources against the loopback exchange."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingest.cli import main
from tests.ingest.cli.conftest import LIVE_SYMBOLS
from tests.ingest.live.loopback_market import LAST
from tests.servers.exchange import Exchange

SYMBOLS = "SIMX:TEC01,SIMCRYPTO_A:BTCUSDT,SIMX:MAT06"


def document_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    assert main([*arguments, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert isinstance(document, dict)
    return document


def test_bars_instruments_calendars_and_status_of_the_sample(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = ("--home", str(tmp_path))
    landing = document_of(capsys, "bars", *home, "--symbols", SYMBOLS)["landing"]
    assert landing["n_symbols"] == 3  # type: ignore[index]
    assert landing["quarantined"] == {"unconfirmed_jump": 1}  # type: ignore[index]
    again = document_of(capsys, "bars", *home, "--symbols", SYMBOLS)["landing"]
    assert again["n_inserted"] == 0  # type: ignore[index]
    assert document_of(capsys, "instruments", *home)["n_instruments"] == 280
    calendars = document_of(capsys, "calendars", *home)["calendars"]
    assert [row["calendar"] for row in calendars] == ["24/5", "24/7", "CMES", "XNYS"]  # type: ignore[attr-defined]
    status = document_of(capsys, "status", *home)
    assert status["is_simulated"] is True
    coverage = {row["asset_class"]: (row["n_symbols"], row["n_fresh"]) for row in status["coverage"]}  # type: ignore[attr-defined]
    assert coverage == {"equity": (2, 2), "crypto": (1, 1)}


def test_what_a_person_reads_is_labelled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bars", "--home", str(tmp_path), "--symbols", "SIMX:TEC01", "--as-of", "2021-09-01"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "SIMULATED"
    assert "  n_symbols: 1" in lines


def test_files_land_and_broken_rows_are_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bars.csv"
    file.write_text("symbol,date,close\nNASDAQ:A,2024-03-07,1\nNASDAQ:A,2024-03-08,-1\n", encoding="utf-8")
    where = ("--source", "files", "--path", str(file), "--as-of", "2024-03-08", "--home", str(tmp_path / "home"))
    assert document_of(capsys, "bars", *where)["landing"]["quarantined"] == {"not_positive": 1}  # type: ignore[index]
    assert document_of(capsys, "status", *where)["quarantine"] == [
        {"source": "files", "reason": "not_positive", "n_rows": 1, "n_symbols": 1}
    ]


def test_a_path_that_is_no_table_fails_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "noise.parquet"
    file.write_bytes(b"no table at all")
    home = tmp_path / "home"
    assert main(["bars", "--source", "files", "--path", str(file), "--home", str(home)]) == 2
    assert f"{file} is no table" in capsys.readouterr().err
    assert not home.exists()


@pytest.mark.parametrize(
    ("source", "symbols"),
    [("tradingview", LIVE_SYMBOLS), ("binance", LIVE_SYMBOLS[:2]), ("yahoo", LIVE_SYMBOLS[2:])],
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


def test_progress_goes_to_stderr(exchange: Exchange, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "--source",
        "binance",
        "--symbols",
        LIVE_SYMBOLS[0],
        "--home",
        str(tmp_path),
        "--as-of",
        LAST.isoformat(),
    ]
    assert main(["bars", *arguments, "--since", "2024-05-01"]) == 0
    assert "binance: 1/1 symbols, 0 failed" in capsys.readouterr().err
    assert len(exchange.requests) == 1
