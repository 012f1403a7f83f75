"""Options and arguments that several commands of `lakefolio` share, beside those shared with `python -m ingest`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from ingest.cli.command_line import nearest_of, quoted
from ingest.cli.options import RUN_ID_FORM, one_of, text_of
from lakefolio.errors import UsageError
from lakehouse.errors import PathRefusedError
from lakehouse.paths import Paths, check_run_id

if TYPE_CHECKING:
    from lakehouse.connection.catalog import Lake

LATEST, NEWEST = "latest", "newest"


def find_run_id(paths: Paths, word: str) -> str:
    """Find a run: by id, `latest` for the last that was published, `newest` for the last that was begun.

    Raises
    ------
    UsageError
        There is no such run; the message names the nearest.
    """
    if word == LATEST:
        if not paths.latest.exists():
            raise UsageError("there is no latest run: none was published here yet; `lakefolio status` lists the runs")
        return paths.latest.resolve().name
    if word == NEWEST:
        from lakefolio.runs.start import newest_run

        newest = newest_run(paths)
        if newest is None:
            raise UsageError("there is no newest run: none was begun here yet; `lakefolio run` begins one")
        return newest
    try:
        is_there = paths.run_dir(check_run_id(word)).is_dir()
    except PathRefusedError:
        raise UsageError(f"{quoted(word)} is no run id; {RUN_ID_FORM}") from None
    if not is_there:
        runs = paths.artifacts / "runs"
        names = [LATEST, NEWEST, *(folder.name for folder in runs.iterdir())] if runs.is_dir() else []
        raise UsageError(
            f"there is no run {word!r} here; {nearest_of(word, names, '`lakefolio status` lists the runs')}"
        )
    return word


def read_lake(paths: Paths) -> Lake:
    """Open the lake of a home for reading."""
    from lakehouse.connection.catalog import Lake

    return Lake.open(paths, read_only=True)


def check_settings(words: Sequence[str] | None) -> tuple[str, ...]:
    """Check the form of `--set` words, and that none contradicts another.

    Raises
    ------
    UsageError
        A word is not KEY=VALUE, its JSON is nested too deep, or one key lies below a key that has a value of its own.
    """
    values: dict[tuple[str, ...], Any] = {}
    for word in words or ():
        key, mark, text = word.partition("=")
        path = tuple(key.split("."))
        if not mark or not all(part.strip() for part in path):
            raise UsageError(f"--set {quoted(word)}: give KEY=VALUE, such as allocation.cap=0.3")
        try:
            values[path] = json.loads(text)
        except RecursionError:
            raise UsageError(f"--set {quoted(word)}: the value is nested too deep; give a plain value") from None
        except ValueError:
            values[path] = text
    for path in values:
        for above in (path[:length] for length in range(1, len(path))):
            if above in values and not isinstance(values[above], dict):
                raise UsageError(
                    f"--set {'.'.join(path)}=... contradicts --set {'.'.join(above)}={quoted(str(values[above]))}: "
                    "give one of them"
                )
    return tuple(words or ())


def risk_profile_names() -> tuple[str, ...]:
    """List the risk profiles that a manifest may name."""
    from analytics.settings import RiskProfile

    return get_args(RiskProfile)


RunId = Annotated[str, typer.Argument(metavar="[RUN]", help="Run id, 'latest' (published) or 'newest' (begun).")]
RunIdChoice = Annotated[
    str, typer.Option("--run-id", metavar="RUN", help="Run id, 'latest' (published) or 'newest' (begun).")
]
Profile = Annotated[
    str | None,
    typer.Option(
        parser=text_of("profile", hint="name a profile of the manifest"), metavar="NAME",
        help="Profile of the manifest (default: production).",
    ),
]  # fmt: skip
Manifest = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Manifest file, whole or of profiles alone (default: the shipped manifest)."),
]
RiskProfileOption = Annotated[
    str | None,
    typer.Option(
        "--risk-profile", "--profile", parser=one_of("risk profile", risk_profile_names), metavar="NAME",
        help="Risk profile, such as min_variance.",
    ),
]  # fmt: skip
