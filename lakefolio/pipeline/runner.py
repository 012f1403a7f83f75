"""Runs the steps in order and keeps the record: intent, outcome, hashes, snapshots, signature.

See docs/architecture.md#run.

A step is done when its declared outputs exist with their recorded hashes; nothing else counts. A resumed run hashes the
outputs of every earlier step again and names the step to start from where one of them is gone or changed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from analytics.errors import AnalyticsError
from ingest.errors import IngestError
from lakefolio.audit.ledger import Entry
from lakefolio.errors import LakefolioError, ResumeError, UsageError
from lakefolio.pipeline.sequence import STEPS, Step, find_step
from lakefolio.runs.environment import describe_environment
from lakefolio.runs.fingerprints import measure
from lakefolio.runs.progress import step_log
from lakefolio.runs.run import Run
from lakehouse.connection.catalog import Lake
from lakehouse.errors import LakehouseError
from lakehouse.interrupts import interruptible
from lakehouse.storage.hashing import file_hash
from reports.errors import ReportError

EXPECTED_ERRORS = (LakefolioError, IngestError, LakehouseError, AnalyticsError, ReportError)
"""What a step may raise on purpose: recorded as its outcome, then shown without a traceback."""


@dataclass(frozen=True, slots=True)
class Span:
    """The steps that are to run, both ends included."""

    first: Step
    last: Step

    @classmethod
    def of(cls, start: str | None, stop: str | None) -> Span:
        """Make a span of step numbers or names; open ends mean the first and the last step."""
        span = cls(find_step(start) if start else STEPS[0], find_step(stop) if stop else STEPS[-1])
        if span.first.number > span.last.number:
            raise UsageError(f"step {span.first.name!r} comes after {span.last.name!r}")
        return span

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps of the span, in order."""
        return tuple(step for step in STEPS if self.first.number <= step.number <= self.last.number)


def execute(run: Run, span: Span) -> None:
    """Run the steps of the span; the first that fails ends the run with its error.

    Raises
    ------
    ResumeError
        An earlier step has no outcome, or its outputs are gone or changed.
    """
    recorded: dict[str, str] = {}
    try:
        if span.first.number > 1:
            recorded = check_earlier(run, span.first)
        if run.ledger is not None:
            run.ledger.close_interrupted()
            run.ledger.append("environment", span.first.name, describe_environment(run))
        with run.reporter.steps(len(span.steps)):
            for step in span.steps:
                recorded |= _perform(run, step, recorded)
    finally:
        run.close()


def check_earlier(run: Run, first: Step) -> dict[str, str]:
    """Hash again what the steps before `first` left behind; returns the hash of each output by name."""
    done = _done_outcomes(run.ledger.entries) if run.ledger is not None else {}
    recorded: dict[str, str] = {}
    owner: dict[str, Step] = {}
    for step in STEPS[: first.number - 1]:
        if step.name not in done:
            raise ResumeError(
                f"run {run.run_id} never finished step {step.name!r}: start from --start-step {step.name}"
            )
        for name, sha256 in done[step.name].body["outputs"].items():
            # A table that a later step left as it was is still the earlier step's.
            if recorded.get(name) != sha256:
                recorded[name], owner[name] = sha256, step
    lake = run.lake
    for name, sha256 in recorded.items():
        actual = measure(lake, name, run)
        if actual is None or actual.sha256 != sha256:
            what = "is gone" if actual is None else "has changed"
            raise ResumeError(f"{name} {what} since step {owner[name].name!r}: --start-step {owner[name].name}")
    return recorded


def _perform(run: Run, step: Step, recorded: Mapping[str, str]) -> dict[str, str]:
    """Run one step and record intent, outcome and signature; returns the hashes of its outputs."""
    run.reporter.started(step.number, step.name)
    started, began = datetime.now(UTC).replace(tzinfo=None), time.monotonic()
    intent = _note(run, "intent", step, {
        "number": step.number,
        "inputs": {name: recorded[name] for name in step.inputs if name in recorded},
        "snapshot_read": run.lake.snapshot_id(),
    })  # fmt: skip
    with step_log(run.folder / "logs", step.name) as run.logger:
        run.logger.info("step %s of run %s, profile %s, as of %s", step.name, run.run_id, run.profile, run.as_of)
        try:
            with interruptible():
                report = step.perform(run)
                outputs = _measured(run, step, run.lake)
            snapshot_written = run.lake.snapshot_id()
        except EXPECTED_ERRORS as error:
            run.logger.error("%s: %s", type(error).__name__, error)
            _close(run, step, intent, started, began, {"status": "failed", "error": f"{type(error).__name__}: {error}"})
            raise
        run.logger.info("%s rows; %s", report.rows, report.note)
    outcome = {
        "status": "done", "rows": report.rows, "outputs": outputs, "snapshot_written": snapshot_written,
        "is_last": step is STEPS[-1],
    }  # fmt: skip
    _record_artifacts(run, step)
    _close(run, step, intent, started, began, outcome)
    run.reporter.done(step.number, step.name, report.rows, time.monotonic() - began, report.note)
    return outputs


def _measured(run: Run, step: Step, lake: Lake) -> dict[str, str]:
    outputs: dict[str, str] = {}
    for name in step.outputs:
        output = measure(lake, name, run)
        if output is None:
            raise LakefolioError(f"step {step.name!r} ended without its output {name}")
        outputs[name] = output.sha256
    return outputs


def _note(run: Run, kind: str, step: Step, body: Mapping[str, Any]) -> Entry | None:
    return run.ledger.append(kind, step.name, body) if run.ledger is not None else None


def _record_artifacts(run: Run, step: Step) -> None:
    if run.artifacts:
        files = {path.relative_to(run.folder).as_posix(): file_hash(path) for path in run.artifacts}
        _note(run, "artifact", step, {"files": files})
        run.artifacts.clear()


def _close(
    run: Run, step: Step, intent: Entry | None, started: datetime, began: float, outcome: Mapping[str, Any]
) -> None:
    """Write the outcome, its row of results.steps, and sign."""
    seconds = round(time.monotonic() - began, 3)
    if run.ledger is not None and intent is not None:
        run.ledger.append("outcome", step.name, {**outcome, "seconds": str(seconds), "intent": intent.line})
        run.ledger.sign(step.name)
    attempt = (
        sum(1 for entry in run.ledger.entries if entry.kind == "intent" and entry.step == step.name)
        if run.ledger
        else 1
    )
    row = {
        "run_id": run.run_id, "step": step.name, "number": step.number, "attempt": attempt, "status": outcome["status"],
        "snapshot_read": None, "snapshot_written": outcome.get("snapshot_written"), "n_rows": outcome.get("rows"),
        "inputs_sha256": None, "outputs_sha256": None, "error": outcome.get("error"), "started_at": started,
        "seconds": seconds,
    }  # fmt: skip
    run.record_step(pl.DataFrame([row]))


def _done_outcomes(entries: Sequence[Entry]) -> dict[str, Entry]:
    """The last outcome of each step, where it is `done` and no earlier step was begun again after it."""
    latest: dict[str, Entry] = {}
    for entry in entries:
        if entry.kind == "intent":
            number = entry.body["number"]
            latest = {name: kept for name, kept in latest.items() if find_step(name).number < number}
        elif entry.kind == "outcome" and entry.body["status"] == "done":
            latest[entry.step] = entry
    return latest
