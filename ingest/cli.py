"""`python -m ingest`: the gate by hand. Machine output on stdout with `--json`; exit codes as in docs/architecture.md#run."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from ingest.errors import IngestError, ScannerConfigError
from ingest.landing.backfill import (
    calendars_of,
    failed_requests,
    gap_requests,
    known_symbols,
    unhealthy_symbols,
    whole_requests,
)
from ingest.landing.bars import LandingReport, land_bars, land_requests
from ingest.landing.discovery import discover, discover_at_source, land_scans, scan_columns
from ingest.landing.envelope import ScanOrigin, write_envelope
from ingest.landing.reference import instruments_of, land_instruments, land_sessions
from ingest.landing.scope import LandingScope
from ingest.landing.status import lake_status
from ingest.reference.calendars import as_of_clock, last_completed_session, now_utc
from ingest.reference.venues import Venues
from ingest.screening.predicates import summarise
from ingest.screening.scanners import Scanner, default_names, load_scanners
from ingest.sources.pacing import Progress
from ingest.sources.protocol import Source
from ingest.sources.registry import SOURCES, make_source
from ingest.sources.sample.universe import SAMPLE_AS_OF
from lakehouse.connection.catalog import Lake
from lakehouse.dbt.runner import run_dbt
from lakehouse.errors import LakehouseError, PathRefusedError
from lakehouse.interrupts import interruptible
from lakehouse.paths import Paths, check_run_id, check_symbol
from lakehouse.storage.writes import Write, write

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
_WINDOW_SESSIONS = 60


@dataclass(frozen=True, slots=True)
class _Call:
    """One command line, resolved."""

    paths: Paths
    venues: Venues
    source: Source
    landing: LandingScope
    scanners: tuple[Scanner, ...]
    is_simulated_label: str
    days: int = 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ingest", description="The gate: scan and land market data.")
    commands = parser.add_subparsers(dest="command", required=True)
    helps = {
        "scan": "land bars, build the scanner columns, run the scanners and export what they found",
        "bars": "land instruments, sessions and bars",
        "instruments": "land instrument metadata",
        "calendars": "land the sessions of every calendar that the source's instruments need",
        "repair": "ask again for the sessions that are missing, the newest first, and for nothing else",
        "refresh": "ask for whole series again: those named, else those whose health is not good",
        "recover": "ask again, one by one, for what failed lately",
        "status": "say what stands in the lake, how fresh it is and what was refused",
    }
    for name, text in helps.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--source", choices=SOURCES, default="sample")
        command.add_argument("--path", type=Path, help="file or folder of the source `files`")
        command.add_argument("--as-of", type=dt.date.fromisoformat, metavar="YYYY-MM-DD")
        command.add_argument("--since", type=dt.date.fromisoformat, metavar="YYYY-MM-DD", help="first session wanted")
        command.add_argument("--symbols", type=_symbols, help="VENUE:TICKER, several with commas")
        command.add_argument("--home", type=Path, help="folder of the lake; default LAKEFOLIO_HOME or here")
        command.add_argument("--run-id", type=_run_id)
        command.add_argument("--json", action="store_true", help="machine output")
        command.add_argument("--batch", type=int, help="symbols asked for at once, to begin with")
        if name == "recover":
            command.add_argument("--days", type=int, default=2, help="how long ago a failure may lie")
        if name == "scan":
            command.add_argument("--scanner", action="append", help="name of a scanner; repeat for several")
            command.add_argument("--limit", type=int, metavar="N", help="most rows kept of each scanner")
            command.add_argument("--interval", choices=("1d", "1W", "1M"), help="bars on which the rules look")
    return parser


def _symbols(text: str) -> tuple[str, ...]:
    try:
        return tuple(check_symbol(symbol.strip()) for symbol in text.split(","))
    except PathRefusedError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _run_id(text: str) -> str:
    try:
        return check_run_id(text)
    except PathRefusedError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _resolve(parser: argparse.ArgumentParser, given: argparse.Namespace) -> _Call:
    if given.source == "files" and given.path is None:
        parser.error("--source files needs --path: a Parquet or CSV file, or a folder of them")
    if given.source != "files" and given.path is not None:
        parser.error("--path belongs to --source files")
    now = now_utc()
    as_of = given.as_of or (SAMPLE_AS_OF if given.source == "sample" else now.date())
    paths = Paths.at(given.home)
    venues = Venues.of(paths)
    scanners = _scanners(given, paths)
    source = make_source(
        given.source,
        venues,
        path=given.path,
        scanners=scanners,
        symbols=given.symbols or (),
        batch=given.batch or (1 if given.command == "recover" else None),
        report=None if given.json else _tell,
    )
    # Without --as-of the clock is the present one, so that a session that still runs is not taken for final.
    clock = as_of_clock(as_of) if given.as_of or given.source == "sample" else now
    landing = LandingScope(
        run_id=given.run_id or f"ingest-{now:%Y%m%d-%H%M%S}",
        step=given.command,
        last=as_of,
        as_of_at=clock,
        first=given.since,
        symbols=given.symbols,
        fetched_at=now,
    )
    label = "SIMULATED" if source.is_simulated else ""
    return _Call(paths, venues, source, landing, scanners, label, days=getattr(given, "days", 0))


def _scanners(given: argparse.Namespace, paths: Paths) -> tuple[Scanner, ...]:
    """Load the scanners that the command or its source needs: those named, else the manifest's."""
    if given.command != "scan":
        return load_scanners(paths.configs, default_names(paths.configs)) if given.source == "tradingview" else ()
    names = tuple(given.scanner) if given.scanner else default_names(paths.configs)
    return load_scanners(paths.configs, names, limit=given.limit, interval=given.interval)


def _tell(progress: Progress) -> None:
    sys.stderr.write(f"{progress}\n")


def _land(call: _Call, lake: Lake, told: pl.DataFrame) -> LandingReport:
    land_instruments(lake, call.source, call.landing)
    calendars = list(call.venues.calendars_of(told["venue"]).values())
    first = told["first_session"].min()
    if isinstance(first, dt.date):
        land_sessions(lake, calendars, first, call.landing.last, call.landing)
    return land_bars(lake, call.source, call.venues, call.landing)


def _bars(call: _Call) -> dict[str, Any]:
    # The source is read before the lake is opened: from a path that is no table not even an empty lake is made.
    told = instruments_of(call.source, call.landing)
    with Lake.open(call.paths) as lake:
        return {"landing": asdict(_land(call, lake, told))}


def _instruments(call: _Call) -> dict[str, Any]:
    with Lake.open(call.paths) as lake:
        # A live source describes what the lake has; the others all that they have themselves.
        known = known_symbols(lake, call.source.name) if call.source.is_remote and not call.landing.symbols else []
        landing = replace(call.landing, symbols=tuple(known)) if known else call.landing
        told = instruments_of(call.source, landing)
        receipt = land_instruments(lake, call.source, landing)
    counts = told.group_by("asset_class", "product").agg(pl.len().alias("n_instruments"))
    return {
        "n_instruments": told.height,
        "n_versions_written": 0 if receipt is None else receipt.rows.get("raw.instruments", 0),
        "classes": counts.sort("asset_class", "product").to_dicts(),
    }


def _calendars(call: _Call) -> dict[str, Any]:
    told = instruments_of(call.source, call.landing)
    of_venue = call.venues.calendars_of(told["venue"])
    first = told["first_session"].min()
    with Lake.open(call.paths) as lake:
        if isinstance(first, dt.date):
            land_sessions(lake, list(of_venue.values()), first, call.landing.last, call.landing)
    rows = [
        {
            "calendar": calendar,
            "venues": sorted(venue for venue, used in of_venue.items() if used == calendar),
            "last_completed_session": last_completed_session(calendar, call.landing.as_of_at),
        }
        for calendar in sorted(set(of_venue.values()))
    ]
    return {"calendars": rows}


def _repair(call: _Call) -> dict[str, Any]:
    with Lake.open(call.paths) as lake:
        calendars = calendars_of(_asked(call, known_symbols(lake, call.source.name)), call.venues)
        requests = gap_requests(lake, call.source.name, calendars, call.landing)
        return {"landing": asdict(land_requests(lake, call.source, calendars, call.landing, requests))}


def _refresh(call: _Call) -> dict[str, Any]:
    with Lake.open(call.paths) as lake:
        symbols = _asked(call, unhealthy_symbols(lake, call.source.name))
        calendars, requests = calendars_of(symbols, call.venues), whole_requests(symbols, call.landing)
        return {"landing": asdict(land_requests(lake, call.source, calendars, call.landing, requests))}


def _recover(call: _Call) -> dict[str, Any]:
    with Lake.open(call.paths) as lake:
        requests = failed_requests(lake, call.source.name, call.landing, days=call.days, symbols=call.landing.symbols)
        calendars = calendars_of([symbol for request in requests for symbol in request.symbols], call.venues)
        return {"landing": asdict(land_requests(lake, call.source, calendars, call.landing, requests))}


def _asked(call: _Call, otherwise: list[str]) -> list[str]:
    return list(call.landing.symbols) if call.landing.symbols is not None else otherwise


def _status(call: _Call) -> dict[str, Any]:
    with Lake.open(call.paths, read_only=True) as lake:
        return lake_status(lake, call.venues, as_of=call.landing.last, as_of_at=call.landing.as_of_at)


def _scan(call: _Call) -> dict[str, Any]:
    """Land bars, build the scanner columns, run the scanners, and export what they found."""
    scanners = call.scanners
    landing = call.landing
    if not call.source.scans_from_bars:
        return {"scanners": _scan_at_source(call, scanners)}
    told = instruments_of(call.source, landing)
    with Lake.open(call.paths) as lake:
        report = _land(call, lake, told)
        write(lake, Write("results.runs", _scope(call), mode="replace_run"), run_id=landing.run_id, step="scan")
    run_dbt(
        call.paths,
        ["build", "--select", "+scanner_columns", "+instruments", "--exclude-resource-type", "test", "unit_test"],
        {"run_id": landing.run_id},
    ).require()
    with Lake.open(call.paths) as lake:
        (columns,) = scan_columns(lake, [(landing.last, landing.as_of_at)])
        found = discover(scanners, columns, source=call.source.name, run_id=landing.run_id, scanned_at=landing.as_of_at)
        land_scans(lake, found.scans, run_id=landing.run_id, step="scan")
    origin = ScanOrigin(landing.run_id, call.source.name, call.source.is_simulated, landing.last, landing.as_of_at)
    rows = []
    for scanner in scanners:
        mine = found.scans.filter(pl.col("scanner") == scanner.name)
        target = write_envelope(call.paths, scanner, mine, origin)
        failed = summarise([found.evaluations.filter(pl.col("scanner") == scanner.name)])
        rows.append(
            {
                "scanner": scanner.name,
                "n_found": mine.height,
                "n_judged": found.evaluations.filter(pl.col("scanner") == scanner.name).height,
                "most_failed": failed["reason"][0] if failed.height else None,
                "export": str(target),
            }
        )
    return {"landing": asdict(report), "scanners": rows}


def _scan_at_source(call: _Call, scanners: Sequence[Scanner]) -> list[dict[str, Any]]:
    """Let the source's own scanner answer; its bars are not needed for that."""
    landing, source = call.landing, call.source
    found = discover_at_source(source, scanners, as_of=landing.last, as_of_at=landing.as_of_at, run_id=landing.run_id)
    with Lake.open(call.paths) as lake:
        symbols = tuple(sorted(set(found["symbol"])))
        if symbols:
            land_instruments(lake, source, replace(landing, symbols=symbols))
        land_scans(lake, found, run_id=landing.run_id, step="scan")
    origin = ScanOrigin(landing.run_id, source.name, source.is_simulated, landing.last, landing.as_of_at)
    rows = []
    for scanner in scanners:
        mine = found.filter(pl.col("scanner") == scanner.name)
        target = write_envelope(call.paths, scanner, mine, origin)
        rows.append({"scanner": scanner.name, "n_found": mine.height, "export": str(target)})
    return rows


def _scope(call: _Call) -> pl.DataFrame:
    """Describe this scan as a run, since the marts are built for one run's source and clock."""
    landing = call.landing
    return pl.DataFrame(
        {
            "run_id": [landing.run_id],
            "profile": ["scan"],
            "source": [call.source.name],
            "as_of": [landing.last],
            "as_of_at": [landing.as_of_at],
            "light_sessions": [_WINDOW_SESSIONS],
            "full_sessions": [_WINDOW_SESSIONS],
            "settle_minutes": [landing.settle_minutes],
            "max_stale_sessions": [2],
            "min_history_sessions": [_WINDOW_SESSIONS],
            "benchmark": [None],
            "excluded_symbols": [None],
            "strict_health": [False],
            "is_simulated": [call.source.is_simulated],
            "manifest_sha256": [None],
            "started_at": [landing.fetched_at],
        }
    )


_COMMANDS = {
    "scan": _scan,
    "bars": _bars,
    "instruments": _instruments,
    "calendars": _calendars,
    "repair": _repair,
    "refresh": _refresh,
    "recover": _recover,
    "status": _status,
}


def _render(answer: dict[str, Any], label: str) -> str:
    """Write an answer for a person: one line for a value, one line for each row of a table."""
    lines = [label] if label else []
    for key, value in answer.items():
        if isinstance(value, list):
            lines.append(f"{key}: {len(value)}")
            lines += ["  " + "  ".join(f"{name} {_shown(cell)}" for name, cell in row.items()) for row in value]
        elif isinstance(value, dict):
            lines.append(f"{key}:")
            lines += [f"  {name}: {_shown(cell)}" for name, cell in value.items()]
        else:
            lines.append(f"{key}: {_shown(value)}")
    return "\n".join(lines) + "\n"


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {cell}" for name, cell in value.items()) or "none"
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command of the gate and return its exit code: 0 done, 1 failed, 2 usage or configuration."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        with interruptible():
            call = _resolve(parser, given)
            answer = _COMMANDS[given.command](call)
    except (ScannerConfigError, PathRefusedError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return USAGE
    except (IngestError, LakehouseError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return FAILED
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    if given.json:
        sys.stdout.write(json.dumps({"is_simulated": call.source.is_simulated, **answer}, default=str) + "\n")
    else:
        sys.stdout.write(_render(answer, call.is_simulated_label))
    return DONE
