"""What the generated pages are made from: command lines of either library, and error classes with their exit codes."""

from __future__ import annotations

import argparse
from pathlib import Path

import click

from scripts.command_lines import Command, Option, command_lines, from_argparse, from_click
from scripts.error_classes import error_classes

ROOT = Path(__file__).resolve().parents[2]


def click_program() -> click.Group:
    @click.group(help="Look after boats.")
    def boats() -> None: ...

    @boats.command(help="Paint one boat.")
    @click.argument("name")
    @click.argument("colour", type=click.Choice(["red", "blue"]))
    @click.option("--coats", type=int, default=2, help="Layers of paint.")
    @click.option("--dry/--wet", default=False, help="Wait until it is dry.")
    @click.option("--secret", hidden=True)
    def paint() -> None: ...

    return boats


def argparse_program() -> argparse.ArgumentParser:
    program = argparse.ArgumentParser(prog="boats", description="Look after boats.")
    commands = program.add_subparsers()
    paint = commands.add_parser("paint", help="Paint one boat.")
    paint.add_argument("name")
    paint.add_argument("colour", choices=["red", "blue"])
    paint.add_argument("--coats", type=int, default=2, help="Layers of paint.")
    paint.add_argument("--dry", action="store_true", help="Wait until it is dry.")
    return program


def test_a_click_program_is_read_with_its_options() -> None:
    root, paint = from_click("boats", click_program()).commands
    assert (root.name, root.summary) == ("boats", "Look after boats.")
    assert paint == Command(
        "boats paint",
        "Paint one boat.",
        ("NAME", "{red|blue}"),
        (
            Option("--coats INTEGER", "2", "Layers of paint."),
            Option("--dry / --wet", "", "Wait until it is dry."),
        ),
    )
    assert paint.spellings == {"--coats", "--dry", "--wet"}


def test_an_argparse_program_is_read_with_its_options() -> None:
    root, paint = from_argparse("boats", argparse_program()).commands
    assert (root.name, root.summary) == ("boats", "Look after boats.")
    assert paint.arguments == ("NAME", "{red,blue}")
    assert paint.options == (
        Option("--coats COATS", "2", "Layers of paint."),
        Option("--dry", "", "Wait until it is dry."),
    )


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
