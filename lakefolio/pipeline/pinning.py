"""Pin the snapshot that a run ends with, the only one of the run that maintenance keeps.

See docs/decisions/0011-bounded-growth.md.
"""

from __future__ import annotations

import duckdb

from lakefolio.audit.pinned_snapshots import PIN
from lakefolio.runs.run import Run
from lakehouse.errors import LakehouseError
from lakehouse.maintenance.run_snapshot import commit_lean_snapshot


def pin_snapshot(run: Run, n_entries: int) -> None:
    """Commit the snapshot that is kept for a run, and record it in the signed ledger.

    Without this record, as after a kill, the last snapshot that a step recorded is kept.

    Parameters
    ----------
    n_entries : int
        Entries of the ledger before the run began or went on; where none followed, nothing was done and nothing is pinned.
    """
    if run.ledger is None or len(run.ledger.entries) == n_entries:
        return
    try:
        snapshot = commit_lean_snapshot(run.lake, run.run_id)
    except (LakehouseError, duckdb.Error) as error:
        run.reporter.say(f"the last snapshot of run {run.run_id} is kept whole: {error}")
        return
    step = run.ledger.entries[-1].step
    run.ledger.append(PIN, step, {"snapshot": snapshot})
    run.ledger.sign(step)
