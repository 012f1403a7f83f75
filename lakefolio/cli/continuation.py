"""Find the run that `--continue` goes on with, and the step at which it does."""

from __future__ import annotations

from dataclasses import replace

from lakefolio.cli.run_planning import LEDGER, RunRequest, first_unfinished, newest_run
from lakehouse.paths import Paths


def continued(paths: Paths, request: RunRequest, steps: tuple[str, ...]) -> RunRequest | None:
    """Turn `--continue` into a new run, a resumed step, or nothing to do (None).

    A new run begins where there is none to go on with: no run at all, a new run id, or, where the request names no run,
    a newest run that has finished its last step. Otherwise the run goes on at its first unfinished step, and with a
    start step at that step at the latest.

    Parameters
    ----------
    steps : tuple of str
        Names of all steps in order.
    """
    if not request.continue_run:
        return request
    run_id = request.run_id or newest_run(paths)
    ledger = None if run_id is None else paths.run_dir(run_id) / LEDGER
    if run_id is None or ledger is None or not ledger.is_file():
        return replace(request, continue_run=False, start_step=None)
    unfinished = first_unfinished(ledger, steps)
    start = request.start_step
    if start is not None and (unfinished is None or steps.index(start) < steps.index(unfinished)):
        return replace(request, run_id=run_id, continue_run=False)
    if unfinished is None and request.run_id is None:
        return replace(request, continue_run=False)
    stop = request.stop_step
    is_done = unfinished is None or (stop is not None and steps.index(stop) < steps.index(unfinished))
    says_more = bool(request.settings or request.profile or request.manifest or request.source or request.as_of)
    if is_done and not says_more:
        return None
    return replace(request, run_id=run_id, start_step=None)
