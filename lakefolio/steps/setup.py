"""The first two steps: clear the ground, and make sure that the run can work here."""

from __future__ import annotations

import shutil

import polars as pl

from ingest.reference.venues import Venues
from ingest.screening.scanners import load_scanners
from lakefolio.config.decision_settings import replays_discovery
from lakefolio.errors import UsageError
from lakefolio.runs.environment import python_is_supported
from lakefolio.runs.run import RESOLVED, Run, StepReport


def cleanup(run: Run) -> StepReport:
    """Remove what unfinished writes of this run left behind; nothing that was published is touched."""
    run.folder.mkdir(parents=True, exist_ok=True)
    left = [path for path in run.folder.rglob(".*") if path.suffix in (".part", ".partial")]
    for path in left:
        path.unlink()
    scratch = run.paths.root / "data" / "tmp"
    if scratch.is_dir():
        shutil.rmtree(scratch)
    return StepReport(len(left), "")


def env_check(run: Run) -> StepReport:
    """Interpreter, scanners, venues and their calendars; then the run's own row and its resolved manifest."""
    if not python_is_supported():
        raise UsageError("lakefolio needs Python 3.11, 3.12 or 3.13")
    if replays_discovery(run.settings) and not run.source.scans_from_bars:
        raise UsageError(
            f"source {run.source_name!r} scans only the present, so the tournament cannot replay its discovery: "
            "switch feat_pit_fidelity off with --set, or use a source that is scanned from its bars"
        )
    scanners = load_scanners(run.paths.configs, run.settings.discovery.scanners)
    # Read before anything is written: from a path that is no table not even a row comes about.
    told = None if run.source.is_remote else run.source.instruments(as_of=run.as_of)
    run.publish(RESOLVED, run.settings.model_dump_json(indent=2) + "\n")
    record_run(run)
    if told is None:
        return StepReport(len(scanners), f"{run.source_name} will be asked, {len(scanners)} scanners")
    calendars = set(Venues.of(run.paths).calendars_of(told["venue"]).values())
    return StepReport(told.height, f"{told.height} instruments on {len(calendars)} calendars, {len(scanners)} scanners")


def record_run(run: Run) -> None:
    """The run's own row: the scope in which the models are built."""
    data = run.settings.data
    row = {
        "run_id": run.run_id, "profile": run.profile, "source": run.source_name, "as_of": run.as_of,
        "as_of_at": run.as_of_at, "light_sessions": data.light_sessions, "full_sessions": data.full_sessions,
        "settle_minutes": data.settle_minutes, "max_stale_sessions": data.max_stale_sessions,
        "min_history_sessions": data.min_history_sessions, "benchmark": run.settings.benchmark,
        "excluded_symbols": ",".join(sorted(run.settings.discovery.exclude_symbols)), "strict_health": data.strict_health,
        "is_simulated": run.source.is_simulated, "manifest_sha256": run.manifest_sha256, "started_at": run.started_at,
    }  # fmt: skip
    run.store("env-check", run.replace("results.runs", pl.DataFrame([row])))
