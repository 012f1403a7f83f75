"""Run the steps in order and record intent, outcome, hashes, snapshots and signature of each.

See docs/architecture.md#run.

A step is done when its declared outputs exist with their recorded hashes; nothing else counts. A resumed run hashes the
outputs of every earlier step again and names the step to start from where one of them is gone or changed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from analytics.errors import AnalyticsError
from ingest.errors import IngestError
from lakefolio.audit.ledger import Entry, digest
from lakefolio.errors import LakefolioError, UsageError
from lakefolio.pipeline.outcomes import check_earlier
from lakefolio.pipeline.pinning import pin_snapshot
from lakefolio.pipeline.reuse import FIRST_REUSED, reuse_steps
from lakefolio.pipeline.run_scope import restore_scope
from lakefolio.pipeline.sequence import STEPS, Step, find_step
from lakefolio.runs.environment import describe_environment
from lakefolio.runs.fingerprints import hash_of
from lakefolio.runs.progress import step_log
from lakefolio.runs.run import Run
from lakefolio.runs.step_access import StepAccess
from lakehouse.connection.catalog import Lake
from lakehouse.errors import LakehouseError
from lakehouse.interrupts import interruptible
from lakehouse.storage.hashing import file_hash
from lakehouse.storage.snapshots import last_change
from reports.errors import ReportError

EXPECTED_ERRORS = (LakefolioError, IngestError, LakehouseError, AnalyticsError, ReportError)
"""Errors that a step may raise on purpose: recorded as its outcome, then shown without a traceback."""


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
    n_entries = len(run.ledger.entries) if run.ledger is not None else 0
    try:
        _perform_all(run, span)
    except EXPECTED_ERRORS:
        pin_snapshot(run, n_entries)
        raise
    else:
        pin_snapshot(run, n_entries)
    finally:
        run.close()


def _perform_all(run: Run, span: Span) -> None:
    recorded: dict[str, str] = {}
    is_new_child = run.parent_run_id is not None and run.ledger is not None and not run.ledger.entries
    if span.first.number > 1 and not is_new_child:
        recorded = check_earlier(run, span.first)
        restore_scope(run, span.first)
    if run.ledger is not None:
        run.ledger.close_interrupted()
        run.ledger.append("environment", span.first.name, describe_environment(run))
    if span.first.number > 1 and is_new_child:
        for step in STEPS[: FIRST_REUSED - 1]:
            recorded |= perform(run, step, recorded)
        recorded |= reuse_steps(run, span.first)
    with run.reporter.steps(len(span.steps)):
        for step in span.steps:
            recorded |= perform(run, step, recorded)


def perform(run: Run, step: Step, recorded: Mapping[str, str]) -> dict[str, str]:
    """Run one step and record intent, outcome and signature; returns the hashes of its outputs."""
    run.reporter.started(step.number, step.name)
    started, began = datetime.now(UTC).replace(tzinfo=None), time.monotonic()
    access = StepAccess(step.name, step.inputs, (*step.outputs, *step.unrecorded), step.artifacts)
    inputs = {name: recorded[name] for name in step.inputs if name in recorded}
    facts: dict[str, Any] = {"snapshot_read": run.lake.snapshot_id(), "inputs_sha256": digest(inputs)}
    intent = _note(
        run, "intent", step, {"number": step.number, "inputs": inputs, "snapshot_read": facts["snapshot_read"]}
    )
    with step_log(run.folder / "logs", step.name) as run.logger:
        run.logger.info("step %s of run %s, profile %s, as of %s", step.name, run.run_id, run.profile, run.as_of)
        try:
            with interruptible():
                with run.held_to(access):
                    report = step.load()(run)
                outputs = _measured(run, step, run.lake)
            snapshot_written = run.lake.snapshot_id()
        except EXPECTED_ERRORS as error:
            run.logger.error("%s: %s", type(error).__name__, error)
            failure = {"status": "failed", "error": f"{type(error).__name__}: {error}"}
            _close(run, step, intent, _Attempt(started, began, facts), failure)
            raise
        run.logger.info("read %s; wrote %s", ", ".join(sorted(access.reads)), ", ".join(sorted(access.writes)))
        run.logger.info("%s rows; %s", report.rows, report.note)
    outcome = {
        "status": "done", "rows": report.rows, "outputs": outputs, "snapshot_written": snapshot_written,
        "is_last": step is STEPS[-1],
    }  # fmt: skip
    _record_artifacts(run, step, access)
    _close(run, step, intent, _Attempt(started, began, facts | {"outputs_sha256": digest(outputs)}), outcome)
    run.reporter.done(step.number, step.name, report.rows, time.monotonic() - began, report.note)
    return outputs


def _measured(run: Run, step: Step, lake: Lake) -> dict[str, str]:
    outputs: dict[str, str] = {}
    for name in step.outputs:
        sha256 = _raw_hash(run, lake, name) if name.startswith("raw.") else hash_of(lake, name, run)
        if sha256 is None:
            raise LakefolioError(f"step {step.name!r} ended without its output {name}")
        outputs[name] = sha256
    return outputs


def _raw_hash(run: Run, lake: Lake, name: str) -> str | None:
    """Hash a table of `raw`, which several steps write, once for each state of it."""
    # Snapshots expire only before the first step, so none that changed the table is as good a state as a number.
    state = name, last_change(lake, name) or 0
    if state not in run.raw_hashes:
        sha256 = hash_of(lake, name, run)
        if sha256 is None:
            return None
        run.raw_hashes[state] = sha256
    return run.raw_hashes[state]


def _note(run: Run, kind: str, step: Step, body: Mapping[str, Any]) -> Entry | None:
    return run.ledger.append(kind, step.name, body) if run.ledger is not None else None


def _record_artifacts(run: Run, step: Step, access: StepAccess) -> None:
    if run.artifacts:
        files = {path.relative_to(run.folder).as_posix(): file_hash(path) for path in run.artifacts}
        for name in files:
            access.publish(name)
        _note(run, "artifact", step, {"files": files})
        run.artifacts.clear()


@dataclass(frozen=True, slots=True)
class _Attempt:
    """Beginning of an attempt at a step, by calendar and clock, and the facts of what it read and wrote."""

    started_at: datetime
    began: float
    facts: Mapping[str, Any]


def _close(run: Run, step: Step, intent: Entry | None, attempt: _Attempt, outcome: Mapping[str, Any]) -> None:
    """Write the outcome, its row of results.steps, and sign."""
    seconds = round(time.monotonic() - attempt.began, 3)
    if run.ledger is not None and intent is not None:
        run.ledger.append("outcome", step.name, {**outcome, "seconds": str(seconds), "intent": intent.line})
        run.ledger.sign(step.name)
    entries = run.ledger.entries if run.ledger is not None else ()
    n_attempts = sum(1 for entry in entries if entry.kind == "intent" and entry.step == step.name)
    row = {
        "run_id": run.run_id, "step": step.name, "number": step.number, "attempt": max(n_attempts, 1),
        "status": outcome["status"], "snapshot_read": attempt.facts["snapshot_read"],
        "snapshot_written": outcome.get("snapshot_written"), "n_rows": outcome.get("rows"),
        "inputs_sha256": attempt.facts["inputs_sha256"], "outputs_sha256": attempt.facts.get("outputs_sha256"),
        "error": outcome.get("error"), "started_at": attempt.started_at, "seconds": seconds,
    }  # fmt: skip
    run.record_step(pl.DataFrame([row]))
