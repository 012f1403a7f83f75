"""Plan a run from a request: begin a new one, or resume one at a step."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakefolio.errors import UsageError

if TYPE_CHECKING:
    from lakefolio.pipeline.runner import Span
    from lakefolio.runs.progress import Reporter
    from lakefolio.runs.run import Run
    from lakehouse.paths import Paths

LEDGER = "audit.jsonl"


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A run as the user asked for it; None or empty where the user said nothing."""

    profile: str | None = None
    manifest: Path | None = None
    source: str | None = None
    path: str | None = None
    as_of: date | None = None
    run_id: str | None = None
    settings: tuple[str, ...] = ()
    start_step: str | None = None
    stop_step: str | None = None
    continue_run: bool = False


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A run that is ready to be executed, and the steps to execute."""

    run: Run
    span: Span


def plan_run(paths: Paths, request: RunRequest, reporter: Reporter) -> PlannedRun:
    """Begin a new run, or resume one.

    Raises
    ------
    UsageError
        A resumed run is given settings that it cannot apply, or there is no run to resume.
    """
    from lakefolio.pipeline.runner import Span
    from lakefolio.pipeline.sequence import STEPS
    from lakefolio.runs.start import resumed_run, run_facts

    is_known = request.run_id is not None and paths.run_dir(request.run_id).is_dir()
    resumes = bool(request.start_step or request.continue_run) or is_known
    if not resumes:
        return PlannedRun(_new_run(paths, request, reporter), Span.of(None, request.stop_step))
    run_id = request.run_id or newest_run(paths)
    if run_id is None or not paths.run_dir(run_id).is_dir():
        raise UsageError(f"--start-step {request.start_step} needs a run that began; `lakefolio status` lists them")
    facts = run_facts(paths.run_dir(run_id))
    changed = {
        "--set": request.settings,
        "--profile": request.profile not in (None, facts["profile"]),
        "--as-of": request.as_of is not None and request.as_of.isoformat() != facts["as_of"],
        "--source": request.source not in (None, facts["source"]),
        "--manifest": request.manifest,
    }
    for option in (name for name, is_changed in changed.items() if is_changed):
        raise UsageError(f"run {run_id} keeps its settings when it is resumed; leave {option} out or begin a new run")
    start = request.start_step
    if request.continue_run:
        start = first_unfinished(paths.run_dir(run_id) / LEDGER, tuple(step.name for step in STEPS))
    return PlannedRun(resumed_run(paths, run_id, reporter), Span.of(start, request.stop_step))


def new_audit(paths: Paths, request: RunRequest, reporter: Reporter, *, kind: str) -> Run:
    """Begin an audit that is no run of the steps: it keeps no ledger, and `kind` stands in its id."""
    return _new_run(paths, request, reporter, kind=kind)


def _new_run(paths: Paths, request: RunRequest, reporter: Reporter, *, kind: str | None = None) -> Run:
    from lakefolio.runs.start import RunRequest as NewRunRequest
    from lakefolio.runs.start import new_run

    new = NewRunRequest(
        request.profile or "production", request.manifest, request.source, request.path, request.as_of, request.run_id,
        request.settings,
    )  # fmt: skip
    return new_run(paths, new, reporter, kind=kind)


def newest_run(paths: Paths) -> str | None:
    """Find the run that was begun last; None where there is none."""
    runs = paths.artifacts / "runs"
    ledgers = runs.glob(f"*/{LEDGER}") if runs.is_dir() else ()
    begun = [(str(entries[0].get("at", "")), ledger.parent.name) for ledger in ledgers if (entries := _entries(ledger))]
    return max(begun)[1] if begun else None


def first_unfinished(ledger: Path, steps: tuple[str, ...]) -> str | None:
    """Name the first step without a finished outcome since an earlier step was begun again; None where all are done."""
    done: set[str] = set()
    for entry in _entries(ledger):
        step = str(entry.get("step"))
        if entry.get("kind") == "intent" and step in steps:
            done -= set(steps[steps.index(step) :])
        elif entry.get("kind") == "outcome" and entry["body"].get("status") == "done":
            done.add(step)
    return next((step for step in steps if step not in done), None)


def _entries(ledger: Path) -> list[dict[str, Any]]:
    """Read the lines of a ledger that are whole; the run itself checks their hashes."""
    entries = []
    for line in ledger.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entries.append(json.loads(line))
        except ValueError:
            break
    return entries
