"""Options that the command lines `lakefolio` and `python -m ingest` share, and the reading of their values.

Nothing heavy is imported here: a module that is only needed to check a value is imported when a value is given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from ingest.cli.command_line import CommandLineError, nearest_of, quoted
from lakehouse.errors import PathRefusedError
from lakehouse.paths import Paths, check_run_id, check_symbol

LARGEST_COUNT = 10**9
FIRST_DATE = date(1970, 1, 1)
TABLE_SUFFIXES = (".parquet", ".csv")
PLACE, SOURCE, OUTPUT = "Home", "Source", "Output"


RUN_ID_FORM = "give 3 to 64 lower-case letters, digits, '-' and '_', such as demo-20251230-1a2b"
_TABLES = "name a Parquet or CSV file, or a folder of them"


def text_of(what: str, *, hint: str) -> Callable[[str], str]:
    """Make a reader of text that may not be empty."""

    def read(text: str) -> str:
        if not text.strip():
            raise typer.BadParameter(f"{quoted(text)} is no {what}; {hint}")
        return text

    return read


def whole_number(*, minimum: int = 0, maximum: int = LARGEST_COUNT) -> Callable[[str], int]:
    """Make a reader of whole numbers within limits."""

    def read(text: str | int) -> int:
        if isinstance(text, int):
            return text
        try:
            number = int(text) if len(text) < 20 else None
        except ValueError:
            raise typer.BadParameter(f"{quoted(text)} is not a whole number") from None
        if number is None or not minimum <= number <= maximum:
            raise typer.BadParameter(f"{quoted(text)} is not between {minimum} and {maximum}")
        return number

    return read


def one_of(what: str, names: Callable[[], Sequence[str]]) -> Callable[[str], str]:
    """Make a reader of one of several words; `names` is called when a word is given, since it may import much."""

    def read(text: str) -> str:
        valid = names()
        if text not in valid:
            raise typer.BadParameter(f"{quoted(text)} is no {what}; {nearest_of(text, valid, one_of_all(valid))}")
        return text

    return read


def one_of_all(names: Sequence[str]) -> str:
    """List all valid words."""
    return f"give one of {', '.join(names)}"


def read_date(text: str) -> date:
    """Read a date of the calendar that market data may have: from 1970 to tomorrow."""
    try:
        found = date.fromisoformat(text) if len(text) == len("YYYY-MM-DD") else None
    except ValueError:
        found = None
    if found is None:
        raise typer.BadParameter(f"{quoted(text)} is not a date YYYY-MM-DD of the calendar, such as 2025-12-30")
    if found < FIRST_DATE:
        raise typer.BadParameter(f"{quoted(text)} is before {FIRST_DATE}, when no source has data")
    if found > datetime.now(UTC).date() + timedelta(days=1):
        raise typer.BadParameter(f"{quoted(text)} is in the future; give a session that is over")
    return found


def read_run_id(text: str) -> str:
    """Read the id of a run."""
    try:
        return check_run_id(text)
    except PathRefusedError:
        raise typer.BadParameter(f"{quoted(text)} is no run id; {RUN_ID_FORM}") from None


def read_home(text: str) -> Path:
    """Read the folder of a home: one that exists, or one that can be made."""
    path = Path(text_of("folder", hint="name the folder of the lake and the artifacts")(text)).expanduser()
    if path.exists() and not path.is_dir():
        raise typer.BadParameter(f"{quoted(text)} is a file; name the folder of the lake and the artifacts")
    return path


def source_names() -> tuple[str, ...]:
    """List the sources of market data."""
    from ingest.sources.registry import SOURCES

    return SOURCES


def symbols_of(text: str | None) -> tuple[str, ...] | None:
    """Read symbols that are separated by commas; None stays None.

    Raises
    ------
    CommandLineError
        A symbol is not of the form VENUE:TICKER.
    """
    if text is None:
        return None
    try:
        return tuple(check_symbol(symbol.strip()) for symbol in text.split(","))
    except PathRefusedError as error:
        raise CommandLineError(f"--symbols: {error}") from None


def check_source(source: str | None, path: str | None) -> None:
    """Check that `--path` comes with the source `files`, and that it is there.

    Raises
    ------
    CommandLineError
        The source `files` has no path, the path is missing, or another source was given one.
    """
    if source == "files" and path is None:
        raise CommandLineError(f"--source files needs --path; {_TABLES}")
    if path is not None and source not in (None, "files"):
        raise CommandLineError(f"--path {quoted(path)} belongs to --source files, not to --source {source}")
    if path is None:
        return
    folder = Path(path).expanduser()
    if not folder.exists():
        raise CommandLineError(f"--path {quoted(path)}: no such file or folder; {_TABLES}")
    if folder.is_dir() and not any(entry.suffix in TABLE_SUFFIXES for entry in folder.iterdir()):
        raise CommandLineError(f"--path {quoted(path)} holds no .parquet or .csv file; {_TABLES}")


def paths_of(home: Path | None) -> Paths:
    """Make the paths of the home that a command was given.

    Raises
    ------
    CommandLineError
        LAKEFOLIO_HOME, or the folder itself, is not a folder.
    """
    paths = Paths.at(home)
    if paths.root.exists() and not paths.root.is_dir():
        raise CommandLineError(f"the home {quoted(str(paths.root))} is a file; name a folder")
    return paths


def _inherited(context: typer.Context, home: Path | None) -> Path | None:
    """Take the home that stands before the command where none stands after it."""
    given: Path | None = context.find_root().params.get("home")
    return home if home is not None else given


_HOME = "Folder of the lake and the artifacts (default: LAKEFOLIO_HOME, else the current folder)."
_NAMED = text_of("file or folder", hint=_TABLES)

RootHome = Annotated[Path | None, typer.Option("--home", parser=read_home, metavar="FOLDER", help=_HOME)]
Home = Annotated[
    Path | None,
    typer.Option("--home", parser=read_home, callback=_inherited, metavar="FOLDER", help=_HOME, rich_help_panel=OUTPUT),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.", rich_help_panel=OUTPUT)]
Wide = Annotated[bool, typer.Option("--wide", help="Print all columns in full width.", rich_help_panel=OUTPUT)]
Junit = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Also write the result as JUnit XML for a build server.", rich_help_panel=OUTPUT),
]
Source = Annotated[
    str | None,
    typer.Option(
        parser=one_of("source", source_names), metavar="NAME", rich_help_panel=SOURCE, autocompletion=source_names,
        help="Source of market data: sample, files, tradingview, binance or yahoo.",
    ),
]  # fmt: skip
SourcePath = Annotated[
    str | None,
    typer.Option(
        "--path", parser=_NAMED, metavar="PATH", rich_help_panel=SOURCE, help="File or folder of the source 'files'."
    ),
]
AsOf = Annotated[
    date | None,
    typer.Option(
        parser=read_date, metavar="YYYY-MM-DD", rich_help_panel=SOURCE,
        help="Last session that is used (default: the last whole day; the simulated market ends on 2025-12-30).",
    ),
]  # fmt: skip
Since = Annotated[
    date | None,
    typer.Option(parser=read_date, metavar="YYYY-MM-DD", rich_help_panel=SOURCE, help="First session to ask for."),
]
Symbols = Annotated[
    str | None, typer.Option(metavar="LIST", rich_help_panel=SOURCE, help="Symbols VENUE:TICKER, separated by commas.")
]
Batch = Annotated[
    int | None,
    typer.Option(
        parser=whole_number(minimum=1, maximum=10_000), metavar="N", rich_help_panel=SOURCE,
        help="Symbols a live source is asked for at once, to begin with.",
    ),
]  # fmt: skip
RunIdOption = Annotated[str | None, typer.Option("--run-id", parser=read_run_id, metavar="RUN", help="Id of the run.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="One setting of the manifest, such as allocation.cap=0.3; repeat."),
]
