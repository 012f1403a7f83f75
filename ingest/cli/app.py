"""`python -m ingest`: land and scan market data without a run of the pipeline.

Exit codes as in docs/architecture.md#run.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from ingest.cli import options as given
from ingest.cli.command_line import CommandGroup, Program, exit_code_of_landing
from ingest.cli.options import AsJson, AsOf, Batch, Home, RootHome, RunIdOption, Since, Source, SourcePath, Symbols

LAND, SCAN, REPAIR, LOOK = "Land", "Scan", "Repair", "Look"
INTERVALS = ("1d", "1W", "1M")

app = typer.Typer(
    cls=CommandGroup, no_args_is_help=False, pretty_exceptions_enable=False, rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip


@app.callback()
def root(home: RootHome = None) -> None:
    """Land and scan market data by hand; `lakefolio run` does the same as part of a run."""


def _register(name: str, text: str, panel: str) -> None:
    """Add a command that has the common options and no others."""

    def command(
        source: Source = "sample", path: SourcePath = None, as_of: AsOf = None, since: Since = None,
        symbols: Symbols = None, run_id: RunIdOption = None, batch: Batch = None, home: Home = None,
        as_json: AsJson = False,
    ) -> None:  # fmt: skip
        from ingest.cli import landing
        from ingest.cli.request import CommandOptions, resolve_request

        common = CommandOptions(name, home, str(source), path, as_of, since, symbols, run_id, batch, as_json)
        _finish(resolve_request(common), getattr(landing, name), as_json=as_json)

    app.command(name, help=text, rich_help_panel=panel)(command)


_register("bars", "Land instruments, sessions and bars.", LAND)
_register("instruments", "Land the description of every instrument.", LAND)
_register("calendars", "Land the sessions of every calendar that the source's instruments need.", LAND)


@app.command(rich_help_panel=SCAN)
def scan(
    source: Source = "sample",
    path: SourcePath = None,
    as_of: AsOf = None,
    since: Since = None,
    symbols: Symbols = None,
    run_id: RunIdOption = None,
    batch: Batch = None,
    scanner: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Scanner to run; repeat for several.")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(parser=given.whole_number(minimum=1), metavar="N", help="Most rows to keep of each scanner."),
    ] = None,
    interval: Annotated[
        str | None,
        typer.Option(
            parser=given.one_of("interval", lambda: INTERVALS), metavar="1d|1W|1M",
            help="Interval of the bars on which the scanners are evaluated.",
        ),
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Land bars, run scanners over them, and export what they find."""
    from ingest.cli.request import CommandOptions, ScanOptions, resolve_request
    from ingest.cli.scan import scan as run_scan

    common = CommandOptions("scan", home, str(source), path, as_of, since, symbols, run_id, batch, as_json)
    _finish(resolve_request(common, ScanOptions(tuple(scanner or ()), limit, interval)), run_scan, as_json=as_json)


_register("repair", "Ask for the sessions that are missing, the newest first, and for nothing else.", REPAIR)


@app.command(rich_help_panel=REPAIR)
def refresh(
    source: Source = "sample",
    path: SourcePath = None,
    as_of: AsOf = None,
    since: Since = None,
    symbols: Symbols = None,
    candidates: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="JSON file of symbols: a list, or an envelope whose data have a symbol each."
        ),
    ] = None,
    run_id: RunIdOption = None,
    batch: Batch = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Ask for whole series again: those named, else those whose health is not good."""
    from ingest.cli import landing
    from ingest.cli.request import CommandOptions, resolve_request

    common = CommandOptions("refresh", home, str(source), path, as_of, since, symbols, run_id, batch, as_json)
    _finish(resolve_request(common, candidates=candidates), landing.refresh, as_json=as_json)


@app.command(rich_help_panel=REPAIR)
def recover(
    source: Source = "sample",
    path: SourcePath = None,
    as_of: AsOf = None,
    since: Since = None,
    symbols: Symbols = None,
    run_id: RunIdOption = None,
    batch: Batch = None,
    days: Annotated[
        int,
        typer.Option(parser=given.whole_number(minimum=0, maximum=3650), metavar="N", help="Days to look back."),
    ] = 2,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Ask one by one for what failed in the last days."""
    from ingest.cli import landing
    from ingest.cli.request import CommandOptions, resolve_request

    common = CommandOptions("recover", home, str(source), path, as_of, since, symbols, run_id, batch, as_json)
    _finish(resolve_request(common), lambda request: landing.recover(request, days), as_json=as_json)


_register("status", "Show what the lake holds, how fresh it is and what was quarantined.", LOOK)


def _finish(request: Any, act: Callable[[Any], dict[str, Any]], *, as_json: bool) -> None:
    """Carry out a request and print its document."""
    from ingest.cli.text import render

    document = act(request)
    if as_json:
        whole = {"is_simulated": request.source.is_simulated, **document}
        sys.stdout.write(json.dumps(whole, default=str) + "\n")
    else:
        sys.stdout.write(render(document, "SIMULATED" if request.source.is_simulated else ""))


PROGRAM = Program("ingest", "python -m ingest", app, exit_code_of_landing)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    return PROGRAM.run(arguments)


def command_tree() -> TyperCommand | TyperGroup:
    """Return the tree of commands and options, from which the reference is generated."""
    return PROGRAM.command_tree()
