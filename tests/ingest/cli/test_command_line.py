from __future__ import annotations

import errno
import signal
from collections.abc import Callable
from typing import Annotated

import pytest
import typer

from ingest.cli.command_line import (
    CommandGroup,
    CommandLineError,
    Program,
    exit_code_of_landing,
    nearest_of,
    paragraphs,
    quoted,
)
from ingest.errors import CalendarRangeError, NotATableError, UnknownInstrumentError
from lakehouse.errors import LakeMissingError, MaintenanceError


def program(act: Callable[[], object]) -> Program:
    """A program with the commands `act` and `wait`; `act` does what it is given."""
    app = typer.Typer(cls=CommandGroup, pretty_exceptions_enable=False)

    @app.command("act")
    def perform(number: Annotated[int, typer.Option(help="A number.")] = 0) -> None:
        del number
        act()

    @app.command("wait")
    def wait() -> None:
        return None

    return Program("made", "made", app, exit_code_of_landing, "; go on with `made wait`")


def raising(error: BaseException) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (NotATableError("x.csv is no table"), 2, "x.csv is no table"),
        (UnknownInstrumentError("no NYSE:A"), 2, "no NYSE:A"),
        (CommandLineError("--since is late\n  give another"), 2, "--since is late; give another"),
        (LakeMissingError("there is no lake"), 2, "there is no lake"),
        (CalendarRangeError("no session in 1066"), 1, "no session in 1066"),
        (MaintenanceError("refused"), 1, "refused"),
        (FileNotFoundError(errno.ENOENT, "No such file", "x.csv"), 2, "x.csv: No such file"),
        (OSError(errno.ENOSPC, "No space left", "x.csv"), 1, "x.csv: No space left"),
        (ZeroDivisionError("zero\nsecond line"), 1, "unexpected ZeroDivisionError: zero; LAKEFOLIO_TRACEBACK=1"),
        (KeyboardInterrupt(), 130, "interrupted; go on with `made wait`"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_every_ending_has_its_exit_code_and_one_line(
    error: BaseException, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program(raising(error)).run(["act"]) == code
    shown = capsys.readouterr().err
    assert shown.startswith(f"made: {message}")
    assert shown.count("\n") == 1


def test_a_command_that_ends_well_says_nothing_and_returns_zero(capsys: pytest.CaptureFixture[str]) -> None:
    assert program(lambda: None).run(["act", "--number", "3"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["actt"], "there is no command 'actt'; did you mean 'act'?"),
        (["act", "--numbr", "1"], "`made act` has no option '--numbr'; did you mean '--number'?"),
        (["--number", "1", "act"], "`made` has no option '--number'; give it after the command"),
        (["act", "--number"], "option --number needs a value"),
        (["act", "more"], "`made act` does not accept 'more'"),
        ([], "give a command"),
    ],
    ids=" ".join,
)
def test_a_wrong_word_is_named_with_what_to_give_instead(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program(lambda: None).run(words) == 2
    assert capsys.readouterr().err.startswith(f"made: {message}")


def test_a_termination_ends_as_an_interrupt_with_a_code_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert program(lambda: signal.raise_signal(signal.SIGTERM)).run(["act"]) == 143
    assert capsys.readouterr().err == "made: terminated; go on with `made wait`\n"
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_the_nearest_word_ignores_case_and_is_not_forced() -> None:
    assert nearest_of("HRPP", ("hrp", "barbell"), "see the list") == "did you mean 'hrp'?"
    assert nearest_of("zzz", ("hrp", "barbell"), "see the list") == "see the list"


def test_long_values_are_cut_and_paragraphs_joined() -> None:
    assert quoted("x" * 80) == repr("x" * 80)
    assert quoted("x" * 81) == repr("x" * 80 + "...")
    assert paragraphs("One\n    line.\n\n    Second one.") == "One line.\n\nSecond one."
    assert paragraphs(None) == ""
