"""Find the run that `--continue` goes on with, and the step at which it does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lakefolio.audit.ledger import read_entries
from lakefolio.pipeline.outcomes import first_unfinished
from lakefolio.pipeline.sequence import find_step
from lakefolio.runs.start import RunRequest, newest_run
from lakehouse.paths import Paths

if TYPE_CHECKING:
    from lakefolio.runs.run import Run


def continued(paths: Paths, request: RunRequest) -> RunRequest | None:
    """Turn `--continue` into a new run, a resumed step, or nothing to do (None).

    A new run begins where there is none to go on with: no run at all, a new run id, or, where the request names no run,
    a newest run that has finished its last step. Otherwise the run goes on at its first unfinished step, and with a
    start step at that step at the latest.
    """
    if not request.continue_run:
        return request
    run_id = request.run_id or newest_run(paths)
    if run_id is None or not (paths.run_dir(run_id) / "audit.jsonl").is_file():
        return replace(request, continue_run=False, start_step=None)
    unfinished = first_unfinished(tuple(read_entries(paths.run_dir(run_id) / "audit.jsonl")))
    start = find_step(request.start_step) if request.start_step else None
    if start is not None and (unfinished is None or start.number < unfinished.number):
        return replace(request, run_id=run_id, continue_run=False)
    if unfinished is None and request.run_id is None:
        return replace(request, continue_run=False)
    stop = find_step(request.stop_step) if request.stop_step else None
    is_done = unfinished is None or (stop is not None and stop.number < unfinished.number)
    changes_something = bool(
        request.settings or request.profile or request.manifest or request.source or request.path or request.as_of
    )
    if is_done and not changes_something:
        return None
    return replace(request, run_id=run_id, start_step=None)


def why_new(paths: Paths, request: RunRequest) -> str:
    """Say why `--continue` begins a new run, where it does."""
    if request.run_id is not None:
        return f"there is no run {request.run_id!r} here yet"
    newest = newest_run(paths)
    if newest is None:
        return "no run here has got through env-check"
    return f"the newest run, {newest}, is finished"


def is_new_child(run: Run) -> bool:
    """Return True for the child of another run that has not begun yet."""
    return run.parent_run_id is not None and run.ledger is not None and not run.ledger.entries
