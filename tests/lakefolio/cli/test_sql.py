"""`lakefolio sql`: no row is lost in silence, limits say what they are, and the shell answers line by line."""

from __future__ import annotations

import io
import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from lakefolio.cli.app import main
from lakefolio.cli.sql.shell import run_shell
from lakehouse.connection.catalog import Lake
from lakehouse.connection.user_sql import UserSql
from lakehouse.paths import Paths

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the empty tables of a new lake."""
    root = tmp_path_factory.mktemp("home")
    with Lake.open(Paths.at(root)):
        return root


@pytest.fixture
def lake(home: Path) -> Iterator[UserSql]:
    with UserSql.open(Paths.at(home)) as opened:
        yield opened


def sql(home: Path, *words: str) -> int:
    return main(["sql", *words, "--home", str(home)])


def test_every_format_but_the_table_has_every_row(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    query = "select i, i / 3 as third from range(25000) t(i)"
    assert sql(home, query, "--format", "csv") == 0
    assert pl.read_csv(io.StringIO(capsys.readouterr().out))["i"].to_list() == list(range(25_000))
    assert sql(home, query, "--format", "json") == 0
    assert [row["i"] for row in json.loads(capsys.readouterr().out)] == list(range(25_000))
    file = tmp_path / "rows.parquet"
    assert sql(home, query, "--format", "parquet", "--output", str(file)) == 0
    frame = pl.read_parquet(file)
    assert frame["i"].to_list() == list(range(25_000))
    assert frame["third"][1] == 1 / 3
    assert [entry.name for entry in tmp_path.iterdir()] == ["rows.parquet"]


def test_a_query_without_rows_keeps_its_columns(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sql(home, "select symbol, weight from results.weights", "--format", "csv") == 0
    assert capsys.readouterr().out == "symbol,weight\n"
    assert sql(home, "select symbol from results.weights", "--json") == 0
    assert json.loads(capsys.readouterr().out) == []


def test_json_writes_numbers_as_numbers(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sql(home, "select sum(i) as n, 1.5::decimal(4, 2) as share from range(4) t(i)", "--json") == 0
    assert json.loads(capsys.readouterr().out) == [{"n": 6, "share": 1.5}]


def test_a_limit_says_how_many_rows_there_are(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sql(home, "from range(15000)", "--limit", "5", "--format", "csv") == 0
    shown = capsys.readouterr()
    assert shown.out.count("\n") == 6
    assert shown.err == "first 5 of 15,000 rows; --format csv without --limit writes all\n"
    assert sql(home, "from range(5)", "--limit", "5") == 0
    assert capsys.readouterr().err == ""


def test_a_table_in_a_pipe_has_every_row_and_the_names_of_its_columns(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sql(home, "select range as row_number, count(*) over () from range(1500)") == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines[0].split()[0] == "row_number"
    assert len(lines) == 1502
    assert sql(home, "select count(*) from range(3)") == 0
    assert "count(*)" in capsys.readouterr().out


def test_a_file_of_statements_is_answered_in_order(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "questions.sql"
    file.write_text("-- one; with a semicolon\nselect 'first' as answer;\nselect 'second' as answer;\n")
    assert sql(home, "--file", str(file)) == 0
    text = capsys.readouterr().out
    assert text.index("first") < text.index("second")
    assert sql(home, "--file", str(file), "--format", "csv") == 2
    assert "the rows of one statement, not of 2" in capsys.readouterr().err


def test_a_statement_that_takes_too_long_is_stopped(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    assert sql(home, "select count(*) from range(100000000000) a, range(1000) b", "--timeout", "1") == 1
    assert time.monotonic() - began < 30
    shown = capsys.readouterr()
    assert shown.err.startswith("lakefolio: the query was stopped after 1 s: ")
    assert "--timeout" in shown.err
    assert shown.err.count("\n") == 1


def test_a_statement_that_needs_too_much_memory_is_stopped(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sql(home, "select list(i) from range(100000000) t(i)", "--memory-limit", "64") == 1
    assert "needs more than 64 MiB of memory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["select 1", "--format", "parquet"], "needs --output FILE"),
        (["select 1", "--output", "x.csv"], "--output needs --format csv, json or parquet"),
        (["select 1", "--format", "csv", "--output", "no/such/x.csv"], "there is no folder"),
        (["select 1", "--file", "x.sql"], "give a query or --file, not both"),
        (["--file", "no-such.sql"], "no-such.sql: No such file or directory"),
        (["select 1", "--timeout", "0"], "'0' is not between 1"),
        (["delete from results.weights"], "DELETE is refused"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, list) else "",
)
def test_wrong_words_end_with_usage(
    home: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sql(home, *words) == 2
    assert message in capsys.readouterr().err


def test_the_shell_answers_statements_and_commands(lake: UserSql, capsys: pytest.CaptureFixture[str]) -> None:
    lines = iter(
        [
            "select 40 + 2",
            "  as answer;",
            "select nope;",
            ".tables raw",
            ".schema results.weights",
            ".nope",
            ".quit",
            "x",
        ]
    )
    prompts: list[str] = []

    def read(prompt: str) -> str:
        prompts.append(prompt)
        return next(lines)

    run_shell(lake, read)
    shown = capsys.readouterr()
    assert "42" in shown.out
    assert "raw.bars" in shown.out
    assert "results.weights" not in shown.out
    assert "risk_profile" in shown.out
    assert shown.err.splitlines() == [
        'error: Binder Error: Referenced column "nope" was not found because the FROM clause is missing',
        "error: '.nope' is no command; .help lists them",
    ]
    assert prompts[:3] == ["lake> ", "  ...> ", "lake> "]
    assert next(lines) == "x"


def test_the_shell_runs_on_a_terminal_survives_an_interrupt_and_keeps_its_history(home: Path) -> None:
    outer, inner = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "lakefolio", "--home", str(home), "sql"], cwd=ROOT, stdin=inner, stdout=inner,
        stderr=inner, close_fds=True, start_new_session=True,
        preexec_fn=_take_terminal,  # noqa: PLW1509 - the test has one thread
        env={**os.environ, "TERM": "dumb", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    os.close(inner)
    try:
        _read_until(outer, "lake> ")
        os.write(outer, b"select 6 * 7 as answer;\n")
        assert "42" in _read_until(outer, "lake> ")
        os.write(outer, b"select count(*) from range(100000000000) a, range(1000) b;\n")
        _read_until(outer, ";")
        time.sleep(1)  # the statement itself is to be interrupted, not its reading
        os.write(outer, b"\x03")
        assert "interrupted" in _read_until(outer, "lake> ")
        os.write(outer, b"select i as wide_row from range(2000) t(i) limit 2;\n")
        assert "wide_row" in _read_until(outer, "lake> ")
        os.write(outer, b".quit\n")
        assert process.wait(timeout=60) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(outer)
    assert "select 6 * 7 as answer;" in (home / "data" / "sql_history").read_text()


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _read_until(terminal: int, text: str, seconds: float = 60) -> str:
    """Read from a terminal until `text` appears behind what was echoed."""
    seen, deadline = "", time.monotonic() + seconds
    while text not in seen:
        ready, _, _ = select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"{text!r} did not appear in {seen!r}"
        seen += os.read(terminal, 65536).decode(errors="replace")
    return seen
