"""What the generated pages are made from: the command lines, and error classes with their exit codes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scripts.command_lines import Command, Option, command_lines, from_tree
from scripts.error_classes import error_classes

ROOT = Path(__file__).resolve().parents[2]


def boats() -> typer.Typer:
    app = typer.Typer(help="Look after boats.")

    @app.callback()
    def root() -> None: ...

    @app.command(help="Paint one boat.")
    def paint(
        name: str,
        coats: Annotated[int, typer.Option(help="Layers of paint.")] = 2,
        dry: Annotated[bool, typer.Option("--dry", help="Wait until it is dry.")] = False,
        secret: Annotated[str, typer.Option(hidden=True)] = "",
    ) -> None: ...

    return app


def test_a_program_is_read_with_its_options() -> None:
    root, paint = from_tree("boats", typer.main.get_command(boats())).commands
    assert (root.name, root.summary) == ("boats", "Look after boats.")
    assert paint == Command(
        "boats paint",
        "Paint one boat.",
        ("{name}",),
        (Option("--coats <int>", "2", "Layers of paint."), Option("--dry", "", "Wait until it is dry.")),
    )
    assert paint.spellings == {"--coats", "--dry"}


def test_both_command_lines_have_their_commands() -> None:
    names = {command.name for line in command_lines() for command in line.commands}
    assert {"lakefolio run", "lakefolio verify", "lakefolio sql", "python -m ingest repair"} <= names


def test_an_error_class_has_the_exit_code_of_its_nearest_ancestor_that_states_one() -> None:
    found = {one.name: one for one in error_classes(ROOT)}
    codes = {name: found[name].exit_code for name in ("ManifestError", "HealthGateError", "LockedError", "InputError")}
    assert codes == {"ManifestError": 2, "HealthGateError": 3, "LockedError": 4, "InputError": 1}
    assert found["PathRefusedError"].exit_code == 2  # named by the command line, although its package knows no codes
    assert (found["CapInfeasibleError"].parent, found["CapInfeasibleError"].package) == ("InfeasibleError", "analytics")


def test_every_error_class_says_what_it_means() -> None:
    assert [one.name for one in error_classes(ROOT) if not one.meaning] == []
