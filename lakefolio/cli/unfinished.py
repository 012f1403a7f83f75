"""Say why a run has no rows of a table: the step that writes it was never finished, or found nothing to write."""

from __future__ import annotations

from lakefolio.audit.ledger import Entry, open_intents, read_entries
from lakefolio.errors import LakefolioError, VerificationError
from lakefolio.pipeline.outcomes import done_outcomes
from lakefolio.pipeline.sequence import STEPS
from lakehouse.paths import Paths


def require_written(paths: Paths, run_id: str, table: str, what: str) -> str:
    """Explain a table without rows in one sentence, where its step is done.

    Parameters
    ----------
    table
        Output of a step, such as `results.weights` or `results.clusters:full`.
    what
        The rows in words, such as "weights".

    Raises
    ------
    LakefolioError
        The step that writes the table is not done.
    """
    step = next(step.name for step in STEPS if table in step.outputs)
    if step not in done_outcomes(_entries(paths, run_id)):
        raise LakefolioError(describe_absence(paths, run_id, what, step))
    return f"run {run_id} has no {what}: step {step!r} is done and wrote none"


def describe_absence(paths: Paths, run_id: str, what: str, step: str) -> str:
    """Say that a run has no `what`, where it ended, and how to make it."""
    return (
        f"run {run_id} has no {what}: {_ending(_entries(paths, run_id))}; "
        f"`lakefolio run --continue --run-id {run_id}` goes on, and step {step!r} makes it"
    )


def _ending(entries: list[Entry]) -> str:
    begun = open_intents(entries)
    if begun:
        return f"it was interrupted in step {begun[-1].step!r}"
    outcomes = [entry for entry in entries if entry.kind == "outcome"]
    if not outcomes:
        return "it never began a step"
    return f"it ended at step {outcomes[-1].step!r} ({outcomes[-1].body['status']})"


def _entries(paths: Paths, run_id: str) -> list[Entry]:
    ledger = paths.run_dir(run_id) / "audit.jsonl"
    if not ledger.is_file():
        return []
    try:
        return list(read_entries(ledger))
    except VerificationError as error:
        raise LakefolioError(
            f"the ledger of run {run_id} cannot be read ({error}); `lakefolio verify {run_id}` says more"
        ) from error
