"""The commands that there are, what help costs, and how a command ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.core import TyperGroup

from lakefolio.cli.app import PANELS, command_tree, main

ROOT = Path(__file__).resolve().parents[3]
HEAVY = ("numpy", "scipy", "polars", "pyarrow", "duckdb", "dbt", "cvxpy", "jinja2", "httpx", "websockets")
COMMANDS = {
    "accept", "analyze", "audit", "clean", "correlations", "dbt", "diff", "display", "doctor", "forex", "health", "lake",
    "orders", "reproduce", "run", "scanners", "schema", "sensitivity", "show", "sql", "status", "steps", "verify",
}  # fmt: skip
WITHOUT_JSON = {"dbt"}


def test_every_command_is_there_under_a_panel_with_a_summary() -> None:
    tree = command_tree()
    assert isinstance(tree, TyperGroup)
    assert set(tree.commands) == COMMANDS
    for name, command in tree.commands.items():
        assert command.rich_help_panel in PANELS, name  # type: ignore[attr-defined]
        assert command.get_short_help_str(200).endswith("."), name


def test_every_command_answers_in_json() -> None:
    tree = command_tree()
    assert isinstance(tree, TyperGroup)
    silent = {n for n, c in tree.commands.items() if not any("--json" in p.opts for p in c.params)}
    assert silent == WITHOUT_JSON


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["steps"], ["run", "--help"], ["runn"]], ids=" ".join)
def test_what_needs_no_lake_imports_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys\nfrom lakefolio.cli.app import main\n"
        f"main({words!r})\nsys.stderr.write('\\n' + ' '.join(name for name in {HEAVY!r} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stderr.rpartition("\n")[2] == ""


def test_help_names_panels_exit_codes_and_fits_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"─ {panel} ─" in text for panel in PANELS)
    assert "143 terminated" in text
    assert max(len(line) for line in text.splitlines()) <= 80


def test_the_version_is_that_of_the_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "lakefolio 0.1.0\n"


def test_steps_are_listed_with_their_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["steps", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["number"] for row in rows] == list(range(1, 18))
    assert rows[11]["name"] == "optimize"
    assert "results.weights" in rows[11]["outputs"]
    assert main(["steps"]) == 0
    assert "Allocate every risk profile" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (FileNotFoundError(2, "No such file or directory", "x.json"), 2, "x.json: No such file or directory"),
        (OSError(28, "No space left on device", "x.parquet"), 1, "x.parquet: No space left on device"),
        (
            ZeroDivisionError("division by zero"),
            1,
            "unexpected ZeroDivisionError: division by zero; LAKEFOLIO_TRACEBACK=1",
        ),
        (RecursionError("maximum recursion depth"), 1, "unexpected RecursionError"),
    ],
)
def test_an_error_that_nobody_expected_is_one_line(
    error: Exception, code: int, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("lakefolio.cli.maintain_commands.paths_of", fail)
    assert main(["schema", "--check"]) == code
    shown = capsys.readouterr().err
    assert shown.startswith(f"lakefolio: {message}")
    assert shown.count("\n") == 1


def test_a_traceback_is_shown_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("lakefolio.cli.maintain_commands.paths_of", fail)
    monkeypatch.setenv("LAKEFOLIO_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        main(["schema", "--check"])


@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_signal_ends_a_command_with_its_code_and_a_way_to_go_on(number: signal.Signals, code: int, word: str) -> None:
    program = (
        "import time\nfrom lakefolio.cli import app, maintain_commands\n"
        "def wait(*_):\n    print('waiting', flush=True)\n    time.sleep(60)\n"
        "maintain_commands.paths_of = wait\nraise SystemExit(app.main(['schema', '--check']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(number)
    _, shown = process.communicate(timeout=60)
    assert process.returncode == code
    assert shown == f"lakefolio: {word}; `lakefolio run --continue`, or --start-step, goes on with a run\n"


def test_a_reader_that_leaves_ends_a_command_without_a_word() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "lakefolio", "steps", "--json"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    shown = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 1
    assert shown == b""
