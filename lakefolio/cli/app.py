"""The command line: what may be said, and the exit code it ends with.

See docs/architecture.md#run, docs/architecture.md#commands.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import NoReturn

from ingest.errors import ScannerConfigError, SymbolRefusedError
from lakefolio.cli import inspect_commands as looking
from lakefolio.cli import maintain_commands as maintaining
from lakefolio.cli import run_commands as running
from lakefolio.cli import verify_commands as proving
from lakefolio.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE, LakefolioError, UsageError
from lakefolio.pipeline.runner import EXPECTED_ERRORS
from lakehouse.errors import PathRefusedError, QueryRefusedError
from lakehouse.interrupts import interruptible

REFUSED_WORDS = (PathRefusedError, QueryRefusedError, SymbolRefusedError, ScannerConfigError)

EXIT_CODES = """exit codes: 0 done, 1 the run failed, 2 usage or manifest, 3 health or audit gate, 4 another run holds the
lock, 5 verification failed, 130 interrupted"""


class Parser(argparse.ArgumentParser):
    """Refuses with exit 2 and the nearest valid word."""

    def error(self, message: str) -> NoReturn:
        """Refuse the words given."""
        raise UsageError(f"{message}{self._nearest(message)}; see {self.prog} --help")

    def _nearest(self, message: str) -> str:
        wrong = next((word for word in sys.argv[1:] if f"'{word}'" in message or f" {word}" in message), "")
        near = difflib.get_close_matches(wrong, sorted(_known_words(self)), n=1, cutoff=0.5) if wrong else []
        return f"; did you mean {near[0]!r}?" if near else ""


def _known_words(parser: argparse.ArgumentParser) -> set[str]:
    """Every option and command of a parser and of the parsers below it."""
    known: set[str] = set()
    for action in parser._actions:
        known |= set(action.option_strings)
        if isinstance(action.choices, dict):
            known |= set(action.choices)
            for below in action.choices.values():
                known |= _known_words(below)
    return known


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code, and exits with it as a script."""
    try:
        options = build_parser().parse_args(arguments)
        action: Callable[[argparse.Namespace], int] = options.action
        with interruptible():
            return action(options)
    except EXPECTED_ERRORS as error:
        print(f"lakefolio: {error}", file=sys.stderr)
        return error.exit_code if isinstance(error, LakefolioError) else _code_of(error)
    except KeyboardInterrupt:
        print("lakefolio: interrupted; resume with --run-id and --start-step", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return EXIT_FAILED


def _code_of(error: Exception) -> int:
    """A word that a room refuses ends as usage; everything else that a room raises is a failed run."""
    return EXIT_USAGE if isinstance(error, REFUSED_WORDS) else EXIT_FAILED


def build_parser() -> argparse.ArgumentParser:
    """Every command and option."""
    parser = Parser(
        prog="lakefolio", description="From market scans to a signed, audited portfolio.", epilog=EXIT_CODES
    )
    parser.add_argument(
        "--home", type=Path, help="folder of the lake and the artifacts (default: LAKEFOLIO_HOME or here)"
    )
    verbs = parser.add_subparsers(title="commands", required=True, parser_class=Parser, metavar="COMMAND")

    run = _verb(verbs, "run", running.run, "run the steps, from scan to signed portfolio")
    _run_options(run)
    run.add_argument("--start-step", help="number or name of the step to resume at")
    run.add_argument("--stop-step", help="number or name of the last step to run")
    run.add_argument(
        "--continue", dest="continue_run", action="store_true", help="continue the newest run, or that of --run-id"
    )
    forex = _verb(verbs, "forex", running.forex, "audit the currency pairs of a source: liquidity, health, clusters")
    _run_options(forex)
    forex.add_argument("--fast", action="store_true", help="liquidity alone")
    forex.add_argument("--no-backfill", action="store_true", help="do not ask for history that is not held")
    forex.add_argument("--no-gap-fill", action="store_true", help="do not ask for missing sessions")
    forex.add_argument("--include-excluded", action="store_true", help="let pairs that are left out take part")

    _json(_verb(verbs, "steps", looking.steps, "print the steps in order"))
    _json(_verb(verbs, "status", looking.status, "runs, the newest first"))
    sql = _verb(verbs, "sql", looking.sql, "query the lake, read-only")
    sql.add_argument("query", help="one SQL statement")
    sql.add_argument("--limit", type=int, default=1000, help="most rows to print")
    sql.add_argument("--format", choices=["table", "csv", "json"], default="table")

    for name, action, text in (
        ("verify", proving.verify, "check ledger, checkpoints, artifacts and tables of a run"),
        ("reproduce", proving.reproduce, "run again from the recorded snapshots and compare every hash"),
        ("audit", proving.audit, "judge a run again; exit 3 where a check fails"),
        ("accept", running.accept, "record a run's portfolio as held"),
        ("orders", looking.orders, "orders of a run"),
        ("display", looking.display, "the report of a run, in the terminal"),
        ("analyze", looking.analyze, "clusters of a run, their drift and hedge anchors"),
        ("correlations", looking.correlations, "correlations of a run's winners"),
        ("sensitivity", looking.sensitivity, "what every other cut of a run's tree would give"),
    ):
        verb = _verb(verbs, name, action, text)
        verb.add_argument("run_id", nargs="?", default="latest", help="run id, or 'latest'")
        if name in ("accept", "orders"):
            verb.add_argument(
                "--risk-profile", "--profile", dest="risk_profile", help="risk profile, such as min_variance"
            )
        if name == "analyze":
            verb.add_argument("--cluster", type=int, metavar="ID", help="take this cluster apart")
        if name in ("verify", "reproduce", "audit", "orders", "analyze", "correlations", "sensitivity"):
            _json(verb)
        if name == "audit":
            _junit(verb)
        if name == "verify":
            verb.add_argument("--key", type=Path, help="trusted public key (default: the home's own)")
    _add_inspection(verbs)
    _add_care(verbs)
    return parser


def _run_options(run: argparse.ArgumentParser) -> None:
    """What every run is told: profile, source, session, settings."""
    run.add_argument("--profile", help="profile of the manifest (default: production)")
    run.add_argument(
        "--manifest",
        type=Path,
        help="manifest file, whole or of profiles alone (default: the shipped configs/manifest.json)",
    )
    run.add_argument("--source", help="source in the place of the manifest's")
    run.add_argument("--path", help="file or folder of the source 'files'")
    run.add_argument("--as-of", type=_date, help="session to stand on, YYYY-MM-DD (default: the source's newest)")
    run.add_argument("--run-id", help="run to resume, or the id of a new one")
    run.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="one setting, such as allocation.cap=0.3"
    )
    _json(run)


def _add_inspection(verbs: argparse._SubParsersAction[Parser]) -> None:
    """Commands that look at runs."""
    diff = _verb(verbs, "diff", looking.diff, "what differs between two runs")
    diff.add_argument("left")
    diff.add_argument("right")
    _json(diff)

    health = _verb(verbs, "health", looking.health, "data health, coloured")
    health.add_argument("--run-id", default="latest")
    view = health.add_mutually_exclusive_group()
    view.add_argument("--history", action="store_true", help="how this and earlier runs saw each symbol, newest first")
    view.add_argument("--coverage", action="store_true", help="instruments by class, venue and state")
    _junit(health)
    _json(health)
    show = _verb(verbs, "show", looking.show, "one table of a run")
    show.add_argument("what", choices=sorted(looking.SHOWN))
    show.add_argument("--run-id", default="latest")
    _json(show)


def _add_care(verbs: argparse._SubParsersAction[Parser]) -> None:
    """Commands that look after lake, environment and files."""
    lake = _verb(verbs, "lake", maintaining.lake, "look after the lake")
    lake.add_argument("what", choices=["snapshots", "verify-counts", "compact", "expire", "backup"])
    lake.add_argument("--older-than-days", type=int, default=30, help="age of what expire removes")
    lake.add_argument("--to", type=Path, help="folder of the backup")
    _json(lake)
    doctor = _verb(verbs, "doctor", maintaining.doctor, "can a run work here?")
    doctor.add_argument("--profile", default="production")
    _json(doctor)
    scanners = _verb(verbs, "scanners", maintaining.scanners, "lint every scanner file, offline")
    scanners.add_argument("--resolved", action="store_true", help="print each scanner with all its layers merged")
    scanners.add_argument("--strict", action="store_true", help="fail for a warning too")
    _json(scanners)
    schema = _verb(verbs, "schema", maintaining.schema, "write configs/manifest.schema.json")
    schema.add_argument("--check", action="store_true", help="fail where the file is stale")
    clean = _verb(verbs, "clean", maintaining.clean, "delete run folders and exports")
    clean.add_argument("--run-id")
    clean.add_argument("--all", action="store_true")
    dbt = _verb(verbs, "dbt", maintaining.dbt, "dbt on this lake, for the newest run's scope")
    dbt.add_argument("words", nargs=argparse.REMAINDER)


def _verb(
    verbs: argparse._SubParsersAction[Parser], name: str, action: Callable[[argparse.Namespace], int], text: str
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=text, description=text)
    verb.set_defaults(action=action)
    return verb


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="machine output on stdout")


def _junit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--junit", type=Path, metavar="FILE", help="health and gate as JUnit XML, for a build server")


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date YYYY-MM-DD") from None


def script() -> NoReturn:
    """Entry point of the installed command."""
    sys.exit(main())
