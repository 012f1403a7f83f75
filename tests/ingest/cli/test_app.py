from __future__ import annotations

from pathlib import Path

import pytest
from typer.core import TyperGroup

from ingest.cli import command_tree, main


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
    """The one after it counts. A command that needs a lake names the file where it should be."""
    first, second = tmp_path / "first", tmp_path / "second"
    for words, home in (
        (["--home", str(first), "status"], first),
        (["status", "--home", str(first)], first),
        (["--home", str(first), "status", "--home", str(second)], second),
    ):
        assert main(words) == 2
        assert f"there is no lake at {home}/" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_command_tree_has_every_command() -> None:
    names = {"bars", "calendars", "instruments", "recover", "refresh", "repair", "scan", "status"}
    tree = command_tree()
    assert isinstance(tree, TyperGroup)
    assert set(tree.commands) == names
