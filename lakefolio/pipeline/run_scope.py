"""Build the models that hold the run in scope again, for a run that goes on after another one.

See docs/architecture.md#lake.
"""

from __future__ import annotations

from lakefolio.pipeline.sequence import Step, find_step
from lakefolio.runs.run import Run

_FIRST_BUILD = "discovery"
"""The first step that builds models for the scope of a run."""


def restore_scope(run: Run, first: Step) -> None:
    """Build the models of the run in scope, where they are those of another run and `first` reads them."""
    if first.number <= find_step(_FIRST_BUILD).number or _scope(run) == run.run_id:
        return
    run.dbt("run", ["tag:scope"], window_sessions=window_before(run, first)).require()


def window_before(run: Run, step: Step) -> int:
    """Sessions of the health window when a step begins: light until the full history was prepared."""
    data = run.settings.data
    return data.light_sessions if step.number <= find_step("full-prep").number else data.full_sessions


def _scope(run: Run) -> str | None:
    """Id of the run for which the models were last built."""
    if "intermediate.int_run" not in run.lake.tables():
        return None
    found = run.lake.rows("select run_id from intermediate.int_run")
    return str(found[0][0]) if found else None
