from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingest.cli import main

SYMBOLS = "SIMX:TEC01,SIMCRYPTO_A:BTCUSDT,SIMX:MAT06"


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    assert main([*arguments, "--json"]) == 0
    out = json.loads(capsys.readouterr().out)
    assert isinstance(out, dict)
    return out


def test_bars_instruments_calendars_and_status_of_the_sample(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = ("--home", str(tmp_path))
    landing = told(capsys, "bars", *home, "--symbols", SYMBOLS)["landing"]
    assert landing["n_symbols"] == 3  # type: ignore[index]
    assert landing["quarantined"] == {"unconfirmed_jump": 1}  # type: ignore[index]
    again = told(capsys, "bars", *home, "--symbols", SYMBOLS)["landing"]
    assert again["n_inserted"] == 0  # type: ignore[index]
    assert told(capsys, "instruments", *home)["n_instruments"] == 280
    calendars = told(capsys, "calendars", *home)["calendars"]
    assert [row["calendar"] for row in calendars] == ["24/5", "24/7", "CMES", "XNYS"]  # type: ignore[attr-defined]
    status = told(capsys, "status", *home)
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
    assert told(capsys, "bars", *where)["landing"]["quarantined"] == {"not_positive": 1}  # type: ignore[index]
    assert told(capsys, "status", *where)["quarantine"] == [
        {"source": "files", "reason": "not_positive", "n_rows": 1, "n_symbols": 1}
    ]


def test_a_path_that_is_no_table_fails_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "noise.parquet"
    file.write_bytes(b"no table at all")
    home = tmp_path / "home"
    assert main(["bars", "--source", "files", "--path", str(file), "--home", str(home)]) == 1
    assert "NotATableError" in capsys.readouterr().err
    assert not home.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("bars", "--symbols", "../../etc/passwd"),
        ("bars", "--run-id", "../x"),
        ("bars", "--source", "files"),
        ("bars", "--path", "x.csv"),
        ("bars", "--as-of", "yesterday"),
        ("bars", "--source", "nowhere"),
        ("bar",),
    ],
)
def test_wrong_usage_exits_with_two_before_any_path_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    home = tmp_path / "home"
    with pytest.raises(SystemExit) as caught:
        main([*arguments, *(("--home", str(home)) if len(arguments) > 1 else ())])
    assert caught.value.code == 2
    assert not home.exists()
    assert capsys.readouterr().err


def test_an_unknown_scanner_exits_with_two_and_an_unknown_symbol_with_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = ("--home", str(tmp_path / "home"))
    assert main(["scan", "--scanner", "equity_trend_lnog", *home]) == 2
    assert "did you mean 'equity_trend_long'" in capsys.readouterr().err
    assert main(["bars", "--symbols", "SIMX:TEC99", *home]) == 1
    assert "did you mean 'SIMX:TEC09'" in capsys.readouterr().err
    assert not (tmp_path / "home").exists()
