"""Give a child run the results of its parent's earlier steps.

See docs/architecture.md#run, docs/method/11-audit.md#11.2.

The parent's rows are copied under the child's id in one transaction, the models that are keyed by run are built again
for the child, and every output must hash to what the parent recorded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from lakefolio.audit.ledger import Entry, digest, read_entries
from lakefolio.errors import ResumeError
from lakefolio.pipeline.outcomes import done_outcomes
from lakefolio.pipeline.run_scope import window_before
from lakefolio.pipeline.sequence import STEPS, Step, find_step
from lakefolio.runs.fingerprints import hash_of, stage_column
from lakefolio.runs.run import Run
from lakehouse.storage.writes import Write

FIRST_REUSED = 3
"""Number of the first step that a child re-uses: it checks its environment and records its settings itself."""

REBUILT = ("marts.candidates", "marts.instruments", "marts.data_health", "marts.gap_audit")
"""Outputs keyed by run that are built again for a child."""


@dataclass(frozen=True, slots=True)
class _Reuse:
    """A parent's outcome of one step, and the run and moment that it comes from."""

    step: Step
    entry: Entry
    inputs: Mapping[str, str]

    @property
    def performed_at(self) -> str:
        """The moment at which the step was performed, by whatever run."""
        return str(self.entry.body.get("performed_at", self.entry.document["at"]))


def reuse_steps(run: Run, first: Step) -> dict[str, str]:
    """Copy the parent's results of the steps before `first` to a child, and record them as its own.

    Returns the hash of each output by name.

    Raises
    ------
    ResumeError
        An output does not hash to what the parent recorded.
    """
    if run.ledger is None or run.parent_run_id is None:
        raise ResumeError(f"run {run.run_id} has no parent whose steps it could re-use")
    reuses = _parent_outcomes(run, first)
    _copy_rows(run, first)
    _rebuild_models(run, first)
    final = {name: sha256 for reuse in reuses for name, sha256 in reuse.entry.body["outputs"].items()}
    for name, sha256 in final.items():
        if hash_of(run.lake, name, run) != sha256:
            raise ResumeError(
                f"{name} of run {run.parent_run_id} could not be re-used: it hashes otherwise now; start a new run"
            )
    snapshot = run.lake.snapshot_id()
    for reuse in reuses:
        body = {
            "status": "done", "rows": reuse.entry.body["rows"], "outputs": reuse.entry.body["outputs"],
            "snapshot_written": snapshot, "is_last": False, "seconds": "0", "reused_from": run.parent_run_id,
            "performed_at": reuse.performed_at, "inputs": dict(reuse.inputs),
        }  # fmt: skip
        run.ledger.append("outcome", reuse.step.name, body)
        run.ledger.sign(reuse.step.name)
    run.record_step(pl.DataFrame([_row(run, reuse, snapshot) for reuse in reuses], infer_schema_length=None))
    run.reporter.say(f"steps {FIRST_REUSED} to {first.number - 1} are those of run {run.parent_run_id}")
    return final


def _rebuild_models(run: Run, first: Step) -> None:
    """Build the models that are keyed by run again under the child's id, and those of its scope."""
    select = ["tag:scope", "instruments"]
    if first.number > find_step("aggregation").number:
        select.append("tag:candidates")
    if first.number > find_step("light-prep").number:
        select.append("tag:window")
    run.dbt("build", select, window_sessions=window_before(run, first)).require()
    if first.number > find_step("tournament").number and run.settings.replays_discovery:
        run.dbt("build", ["tag:replay"]).require()


def _parent_outcomes(run: Run, first: Step) -> list[_Reuse]:
    """The parent's outcomes of the steps to be re-used, in order."""
    entries = list(read_entries(run.paths.run_file(str(run.parent_run_id), "audit.jsonl")))
    done = done_outcomes(entries)
    intents = {entry.line: entry for entry in entries if entry.kind == "intent"}
    found = []
    for step in STEPS[FIRST_REUSED - 1 : first.number - 1]:
        if step.name not in done:
            raise ResumeError(f"run {run.parent_run_id} never finished step {step.name!r}", step.name)
        outcome = done[step.name]
        # An outcome that the parent re-used itself has no intent, and holds the inputs.
        holder = intents.get(outcome.body.get("intent", 0), outcome)
        found.append(_Reuse(step, outcome, holder.body["inputs"]))
    return found


def _copy_rows(run: Run, first: Step) -> None:
    """Copy the parent's rows of every table that is keyed by run, in one transaction."""
    writes = list(_copies(run, first))
    if writes:
        run.store("reuse", *writes)


def _copies(run: Run, first: Step) -> Iterator[Write]:
    parent = run.parent_run_id
    names = {name for step in STEPS[FIRST_REUSED - 1 : first.number - 1] for name in step.outputs}
    for name in sorted(names):
        table, _, stage = name.partition(":")
        if table.startswith(("results.", "scope.")) or table == "raw.scans":
            keys = {stage_column(table): stage} if stage else {}
            condition = " and ".join(f"{key} = ?" for key in ("run_id", *keys))
            frame = run.lake.read(table, condition, [parent, *keys.values()])
            yield run.replace(table, frame.drop("run_id"), **keys)


def _row(run: Run, reuse: _Reuse, snapshot: int) -> dict[str, Any]:
    """The row of results.steps for a step that was re-used."""
    return {
        "run_id": run.run_id, "step": reuse.step.name, "number": reuse.step.number, "attempt": 0, "status": "reused",
        "snapshot_read": snapshot, "snapshot_written": snapshot, "n_rows": reuse.entry.body["rows"],
        "inputs_sha256": digest(reuse.inputs), "outputs_sha256": digest(reuse.entry.body["outputs"]), "error": None,
        "started_at": datetime.now(UTC).replace(tzinfo=None), "seconds": 0.0,
    }  # fmt: skip
