"""From the options of a command to a request that can be carried out: home, source, clock, symbols."""

from __future__ import annotations

import datetime as dt
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.cli.command_line import CommandLineError
from ingest.cli.options import check_source, paths_of, symbols_of
from ingest.landing.scope import LandingScope
from ingest.reference.calendars import as_of_clock, now_utc
from ingest.reference.venues import Venues
from ingest.screening.scanners import Scanner, default_names, load_scanners
from ingest.sources.pacing import Progress
from ingest.sources.protocol import Source
from ingest.sources.registry import make_source
from ingest.sources.sample.universe import SAMPLE_AS_OF
from lakehouse.errors import PathRefusedError
from lakehouse.paths import Paths, check_symbol


@dataclass(frozen=True, slots=True)
class CommandOptions:
    """The options that every command of `python -m ingest` has."""

    command: str
    home: Path | None
    source: str
    path: str | None
    as_of: dt.date | None
    since: dt.date | None
    symbols: str | None
    run_id: str | None
    batch: int | None
    as_json: bool


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """Scanners to run, the most rows of each, and the interval of the bars that they are evaluated on."""

    names: tuple[str, ...] = ()
    limit: int | None = None
    interval: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One command, resolved.

    Attributes
    ----------
    landing : LandingScope
        Run id, span, symbols and clocks.
    scanners : tuple of Scanner
        Scanners to run, or those that describe the universe of the source.
    """

    paths: Paths
    venues: Venues
    source: Source
    landing: LandingScope
    scanners: tuple[Scanner, ...]


def resolve_request(
    options: CommandOptions, scan: ScanOptions | None = None, candidates: Path | None = None
) -> Request:
    """Make the request of one command.

    Raises
    ------
    CommandLineError
        Options contradict each other, or a symbol is not of the form VENUE:TICKER.
    """
    check_source(options.source, options.path)
    if options.symbols is not None and candidates is not None:
        raise CommandLineError("--symbols and --candidates both name symbols; give one of them")
    if options.as_of and options.since and options.since > options.as_of:
        raise CommandLineError(f"--since {options.since} is after --as-of {options.as_of}")
    symbols = symbols_of_file(candidates) if candidates is not None else symbols_of(options.symbols)
    now = now_utc()
    is_sample = options.source == "sample"
    as_of = options.as_of or (SAMPLE_AS_OF if is_sample else now.date())
    paths = paths_of(options.home)
    venues = Venues.of(paths)
    scanners = _scanners(options, scan, paths)
    source = make_source(
        options.source,
        venues,
        path=None if options.path is None else Path(options.path).expanduser(),
        scanners=scanners,
        symbols=symbols or (),
        batch=options.batch or (1 if options.command == "recover" else None),
        report=None if options.as_json else _show_progress,
    )
    landing = LandingScope(
        run_id=options.run_id or f"ingest-{now:%Y%m%d-%H%M%S}",
        step=options.command,
        last=as_of,
        # Without --as-of the clock is the present one, so that a session that still runs is not taken for final.
        as_of_at=as_of_clock(as_of) if options.as_of or is_sample else now,
        first=options.since,
        symbols=symbols,
        fetched_at=now,
    )
    return Request(paths, venues, source, landing, scanners)


def symbols_of_file(path: Path) -> tuple[str, ...]:
    """Read symbols from a JSON file: a list of symbols, a list of `{"symbol": ...}`, or an envelope with such `data`.

    Raises
    ------
    CommandLineError
        The file is missing, no JSON of these forms, empty, or names something that is no symbol.
    """
    forms = 'give a JSON list of symbols, or an envelope {"data": [{"symbol": "VENUE:TICKER"}]}'
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandLineError(f"--candidates {str(path)!r}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise CommandLineError(f"--candidates {str(path)!r} is not JSON; {forms}") from None
    rows = document.get("data") if isinstance(document, dict) else document
    if not isinstance(rows, list) or not rows:
        raise CommandLineError(f"--candidates {str(path)!r} lists no symbol; {forms}")
    found = [row.get("symbol") if isinstance(row, dict) else row for row in rows]
    try:
        return tuple(dict.fromkeys(check_symbol(str(symbol)) for symbol in found))
    except PathRefusedError as error:
        raise CommandLineError(f"--candidates {str(path)!r}: {error}") from None


def _scanners(options: CommandOptions, scan: ScanOptions | None, paths: Paths) -> tuple[Scanner, ...]:
    """Load the scanners that the command or its source needs: those named, else the manifest's."""
    if scan is None:
        is_needed = options.source == "tradingview"
        return load_scanners(paths.configs, default_names(paths.configs)) if is_needed else ()
    names = scan.names or default_names(paths.configs)
    return load_scanners(paths.configs, names, limit=scan.limit, interval=scan.interval)


def _show_progress(progress: Progress) -> None:
    sys.stderr.write(f"{progress}\n")
