"""The command line `lakefolio`: its commands, and the exit code that each error ends with.

See docs/architecture.md#run, docs/architecture.md#commands. A command imports what it needs when it runs, so that help,
version and completion answer at once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from analytics.errors import AnalyticsError
from ingest.cli.command_line import FAILED, CommandGroup, Program, exit_code_of_landing, paragraphs
from ingest.cli.options import RootHome
from lakefolio.cli import (
    data_commands,
    inspect_commands,
    maintain_commands,
    run_commands,
    verify_commands,
)
from lakefolio.cli.sql import sql_command
from lakefolio.errors import LakefolioError
from reports.errors import ReportError

EXIT_CODES = (
    "Exit codes: 0 done, 1 failed, 2 wrong usage, manifest or input, 3 health or audit gate, 4 another run holds the "
    "lock, 5 verification failed, 130 interrupted, 143 terminated."
)
PANELS = {
    "Run": (run_commands.run, run_commands.accept),
    "Inspect": (
        inspect_commands.status,
        inspect_commands.show,
        inspect_commands.display,
        inspect_commands.health,
        inspect_commands.analyze,
        inspect_commands.correlations,
        inspect_commands.sensitivity,
        inspect_commands.orders,
        inspect_commands.diff,
        inspect_commands.steps,
    ),
    "Verify": (verify_commands.verify, verify_commands.reproduce, verify_commands.audit),
    "Data": (sql_command.sql, run_commands.forex, data_commands.scanners),
    "Maintain": (maintain_commands.doctor, maintain_commands.lake, maintain_commands.clean, maintain_commands.schema),
}

app = typer.Typer(
    cls=CommandGroup, pretty_exceptions_enable=False, rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"lakefolio {version('lakefolio')}")
        raise typer.Exit


@app.callback(epilog=EXIT_CODES)
def root(
    home: RootHome = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Turn market scans and price history into an audited, signed portfolio."""


for panel, commands in PANELS.items():
    for command in commands:
        app.command(help=paragraphs(command.__doc__), rich_help_panel=panel)(command)
app.command(
    help=paragraphs(data_commands.dbt.__doc__), rich_help_panel="Data", context_settings=data_commands.DBT_CONTEXT
)(data_commands.dbt)


def _exit_code_of(error: Exception) -> int | None:
    if isinstance(error, LakefolioError):
        return error.exit_code
    return FAILED if isinstance(error, AnalyticsError | ReportError) else exit_code_of_landing(error)


PROGRAM = Program(
    "lakefolio",
    "lakefolio",
    app,
    _exit_code_of,
    interrupted_hint="; `lakefolio run --continue`, or --start-step, goes on with a run",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    return PROGRAM.run(arguments)


def command_tree() -> TyperCommand | TyperGroup:
    """Return the tree of commands and options, from which the reference is generated."""
    return PROGRAM.command_tree()


def script() -> NoReturn:
    """Run the installed command."""
    sys.exit(main())
