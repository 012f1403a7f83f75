from __future__ import annotations

from pathlib import Path

import pytest
from typer.core import TyperGroup

from ingest.cli import command_tree, main


def test_what_a_person_reads_is_labelled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bars", "--home", str(tmp_path), "--symbols", "SIMX:TEC01", "--as-of", "2021-09-01"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "SIMULATED"
    assert "  n_symbols: 1" in lines


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
