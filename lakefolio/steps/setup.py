"""Steps 1 and 2: remove unfinished files, and check that the run can work here."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from ingest.reference.venues import Venues
from ingest.screening.scanners import load_scanners
from ingest.sources.bar_files import read_table, table_files
from lakefolio.errors import UsageError
from lakefolio.runs.environment import python_is_supported
from lakefolio.runs.lake_maintenance import check_changes, maintain_lake
from lakefolio.runs.progress import counted
from lakefolio.runs.run import RESOLVED, Run, StepReport


def cleanup(run: Run) -> StepReport:
    """Remove what unfinished writes of this run left behind, and maintain the lake; nothing published is touched.

    Raises
    ------
    ForeignChangeError
        Another program changed tables that cannot be built again.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    left = [path for path in run.folder.rglob(".*") if path.suffix in (".part", ".partial")]
    for path in left:
        path.unlink()
    scratch = run.paths.root / "data" / "tmp"
    if scratch.is_dir():
        shutil.rmtree(scratch)
    emptied = check_changes(run)
    notes = [f"changed by hand and built again: {', '.join(emptied)}"] if emptied else []
    maintained = maintain_lake(run)
    return StepReport(len(left), "; ".join([*notes, *([maintained] if maintained else [])]))


def env_check(run: Run) -> StepReport:
    """Interpreter, scanners, venues and their calendars; then the run's own row and its resolved manifest."""
    if not python_is_supported():
        raise UsageError("lakefolio needs Python 3.11, 3.12 or 3.13")
    if run.settings.replays_discovery and not run.source.scans_from_bars:
        raise UsageError(
            f"source {run.source_name!r} scans only the present, so the tournament cannot replay its discovery: "
            "switch feat_pit_fidelity off with --set, or use a source that is scanned from its bars"
        )
    scanners = load_scanners(run.paths.configs, run.settings.discovery.scanners)
    # Read before anything is written: from a path that is no table not even a row comes about.
    instruments = None if run.source.is_remote else run.source.instruments(as_of=run.as_of)
    if instruments is not None and instruments.is_empty():
        raise UsageError(_describe_empty_source(run))
    _require_benchmark(run, run.settings.source.symbols if instruments is None else instruments["symbol"].to_list())
    run.publish(RESOLVED, run.settings.model_dump_json(indent=2) + "\n")
    record_run(run)
    if instruments is None:
        return StepReport(len(scanners), f"{run.source_name} will be asked, {counted(len(scanners), 'scanner')}")
    calendars = set(Venues.of(run.paths).calendars_of(instruments["venue"]).values())
    return StepReport(
        instruments.height,
        f"{counted(instruments.height, 'instrument')} on {counted(len(calendars), 'calendar')}, "
        f"{counted(len(scanners), 'scanner')}",
    )


def _require_benchmark(run: Run, symbols: Sequence[str]) -> None:
    """Refuse a universe in which nothing has the benchmark's ticker, at whatever venue; one that is not known passes.

    Its identity is found when the instruments are described; another ticker can never be it.
    """
    benchmark = run.settings.benchmark
    ticker = _plain_ticker(benchmark)
    if not symbols or not benchmark or any(_plain_ticker(symbol) == ticker for symbol in symbols):
        return
    raise UsageError(
        f"the benchmark {benchmark} is not among the instruments of source {run.source_name!r} ({len(symbols)} in all): "
        "add its bars, or name another by --set benchmark=VENUE:TICKER"
    )


def _plain_ticker(symbol: str) -> str:
    """Letters and digits of the ticker of a symbol VENUE:TICKER."""
    return re.sub(r"[^0-9A-Z]", "", symbol.partition(":")[2].upper())


def _describe_empty_source(run: Run) -> str:
    """Say where no instrument was found, and which columns a file has."""
    where = f"source {run.source_name!r} has no instrument with a bar up to {run.as_of}"
    path = run.settings.source.path
    if path is None:
        return where
    columns = {column for file in table_files(Path(path)) for column in read_table(file).columns}
    return (
        f"{path}: {where}; columns found: {', '.join(sorted(columns)) or 'none'}. Bars need symbol (VENUE:TICKER), date "
        "and close"
    )


def record_run(run: Run) -> None:
    """Write the run's own row, from which the models take their scope."""
    data = run.settings.data
    row = {
        "run_id": run.run_id, "profile": run.profile, "source": run.source_name, "as_of": run.as_of,
        "as_of_at": run.as_of_at, "light_sessions": data.light_sessions, "full_sessions": data.full_sessions,
        "settle_minutes": data.settle_minutes, "max_stale_sessions": data.max_stale_sessions,
        "min_history_sessions": data.min_history_sessions, "benchmark": run.settings.benchmark,
        "excluded_symbols": ",".join(sorted(run.settings.discovery.exclude_symbols)), "strict_health": data.strict_health,
        "is_simulated": run.source.is_simulated, "manifest_sha256": run.manifest_sha256, "parent_run_id": run.parent_run_id,
        "started_at": run.started_at,
    }  # fmt: skip
    run.store(
        "env-check", run.replace("scope.runs", pl.DataFrame([row], schema_overrides={"parent_run_id": pl.String}))
    )
