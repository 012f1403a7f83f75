from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.core import TyperGroup

from ingest.cli import command_tree, main
from ingest.cli.command_line import CommandLineError
from ingest.cli.request import symbols_of_file

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
    assert main(["bars", "--source", "files", "--path", str(file), "--home", str(home)]) == 2
    assert f"{file} is no table" in capsys.readouterr().err
    assert not home.exists()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("bars", "--symbols", "../../etc/passwd"), "'../../etc/passwd'"),
        (("bars", "--run-id", "../x"), "'../x'"),
        (("bars", "--source", "files"), "needs --path"),
        (("bars", "--path", "x.csv"), "'x.csv' belongs to --source files"),
        (("bars", "--as-of", "yesterday"), "'yesterday' is not a date"),
        (("bars", "--as-of", "2025-02-30"), "'2025-02-30' is not a date"),
        (("bars", "--as-of", "2024-01-02", "--since", "2024-01-03"), "--since 2024-01-03 is after --as-of 2024-01-02"),
        (("bars", "--source", "yaho"), "did you mean 'yahoo'?"),
        (("bars", "--batch", "0"), "'0' is not between 1"),
        (("recover", "--days", "-1"), "'-1' is not between 0"),
        (("scan", "--interval", "1w"), "did you mean '1W'?"),
        (("refresh", "--candidates", "absent.json"), "'absent.json': No such file"),
        (("bars", "--souce", "sample"), "did you mean '--source'?"),
        (("bars", "more"), "does not accept 'more'"),
        (("bar",), "did you mean 'bars'?"),
        ((), "give a command"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_usage_exits_with_two_before_any_path_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], named: str
) -> None:
    home = tmp_path / "home"
    assert main([*arguments, *(("--home", str(home)) if len(arguments) > 1 else ())]) == 2
    assert not home.exists()
    message = capsys.readouterr().err
    assert message.startswith("ingest: ")
    assert message.count("\n") == 1
    assert named in message


def test_an_unknown_scanner_or_symbol_exits_with_two_and_the_nearest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = ("--home", str(tmp_path / "home"))
    assert main(["scan", "--scanner", "equity_trend_lnog", *home]) == 2
    assert "did you mean 'equity_trend_long'" in capsys.readouterr().err
    assert main(["bars", "--symbols", "SIMX:TEC99", *home]) == 2
    assert "did you mean 'SIMX:TEC09'" in capsys.readouterr().err
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


def test_home_stands_before_or_after_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    common = ("--symbols", "SIMX:TEC01", "--as-of", "2021-09-01", "--json")
    assert main(["--home", str(first), "bars", *common]) == 0
    assert main(["--home", str(first), "bars", "--home", str(second), *common]) == 0
    capsys.readouterr()
    assert (first / "data" / "lakehouse").is_dir()
    assert (second / "data" / "lakehouse").is_dir()


def test_the_command_tree_has_every_command() -> None:
    names = {"bars", "calendars", "instruments", "recover", "refresh", "repair", "scan", "status"}
    tree = command_tree()
    assert isinstance(tree, TyperGroup)
    assert set(tree.commands) == names
