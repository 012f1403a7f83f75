"""Recorded outcomes of a run's steps, checked against what the lake holds now."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from lakefolio.audit.ledger import Entry
from lakefolio.errors import ResumeError
from lakefolio.pipeline.sequence import STEPS, Step, find_step
from lakefolio.runs.fingerprints import measure
from lakefolio.runs.run import Run


def done_outcomes(entries: Sequence[Entry]) -> dict[str, Entry]:
    """The last outcome of each step, where it is `done` and no earlier step was begun again after it."""
    latest: dict[str, Entry] = {}
    for entry in entries:
        if entry.kind == "intent":
            number = entry.body["number"]
            latest = {name: kept for name, kept in latest.items() if find_step(name).number < number}
        elif entry.kind == "outcome" and entry.body["status"] == "done":
            latest[entry.step] = entry
    return latest


def first_unfinished(entries: Sequence[Entry]) -> Step | None:
    """The first step without a valid outcome; None where all are done."""
    done = done_outcomes(entries)
    return next((step for step in STEPS if step.name not in done), None)


def check_earlier(run: Run, first: Step, *, rebuilt: Collection[str] = ()) -> dict[str, str]:
    """Hash again the outputs of the steps before `first`; returns the hash of each output by name.

    Parameters
    ----------
    rebuilt
        Outputs that the caller makes anew and compares itself.

    Raises
    ------
    ResumeError
        An earlier step has no outcome, or its outputs are gone or changed; the error names the step to start from.
    """
    done = done_outcomes(run.ledger.entries) if run.ledger is not None else {}
    recorded: dict[str, str] = {}
    owner: dict[str, Step] = {}
    for step in STEPS[: first.number - 1]:
        if step.name not in done:
            raise ResumeError(
                f"run {run.run_id} never finished step {step.name!r}: start from --start-step {step.name}", step.name
            )
        for name, sha256 in done[step.name].body["outputs"].items():
            # A table that a later step left as it was is still the earlier step's.
            if recorded.get(name) != sha256:
                recorded[name], owner[name] = sha256, step
    lake = run.lake
    for name, sha256 in recorded.items():
        if name in rebuilt:
            continue
        actual = measure(lake, name, run)
        if actual is None or actual.sha256 != sha256:
            problem = "is gone" if actual is None else "has changed"
            start_step = owner[name].name
            raise ResumeError(f"{name} {problem} since step {start_step!r}: --start-step {start_step}", start_step)
    return recorded
