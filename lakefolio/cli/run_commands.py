"""Commands that run the steps, and the one that takes their portfolio as held."""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime

from lakefolio.cli.output import paths_of, print_answer, print_json
from lakefolio.errors import EXIT_DONE
from lakefolio.pipeline.resume import plan_run
from lakefolio.pipeline.runner import execute
from lakefolio.pipeline.sequence import STEPS
from lakefolio.runs.progress import Reporter
from lakefolio.runs.run import run_lock
from lakefolio.runs.start import RunRequest, find_run, new_run
from lakefolio.state.held_portfolios import accept_portfolio
from lakefolio.steps.forex_audit import ForexOptions, audit_forex
from lakefolio.steps.publish import point_latest
from lakehouse.connection.catalog import Lake


def run(options: argparse.Namespace) -> int:
    """Run the steps."""
    paths = paths_of(options)
    reporter = Reporter()
    request = _request(options)
    with run_lock(paths, "a run") as name_holder:
        planned = plan_run(paths, request, reporter)
        started = planned.run
        name_holder(f"run {started.run_id}")
        label = " SIMULATED market" if started.source.is_simulated else ""
        parent = f", child of {started.parent_run_id}" if started.parent_run_id else ""
        reporter.say(f"run {started.run_id}{parent}: profile {started.profile}, as of {started.as_of}{label}")
        execute(started, planned.span)
        if planned.span.last is STEPS[-1]:
            point_latest(started)
    if options.json:
        print_json(
            {"run_id": started.run_id, "as_of": started.as_of_text, "folder": str(started.folder), "status": "done"}
        )
    else:
        reporter.say(f"done: {os.path.relpath(started.folder)}")
    return EXIT_DONE


def forex(options: argparse.Namespace) -> int:
    """Audit the currency pairs of a source: liquidity, health, clusters."""
    paths = paths_of(options)
    reporter = Reporter()
    with run_lock(paths, "a forex audit") as name_holder:
        run = new_run(paths, _request(options), reporter, kind="forex")
        name_holder(f"run {run.run_id}")
        try:
            liquidity = audit_forex(
                run,
                ForexOptions(options.fast, not options.no_backfill, not options.no_gap_fill, options.include_excluded),
            )
        finally:
            run.close()
    print_answer(liquidity, options)
    reporter.say(f"done: {os.path.relpath(run.folder / 'forex')}")
    return EXIT_DONE


def accept(options: argparse.Namespace) -> int:
    """Record a run's portfolio as held: the base of drift, turnover and orders from now on."""
    paths = paths_of(options)
    run_id = find_run(paths, options.run_id)
    with run_lock(paths, f"accepting {run_id}"), Lake.open(paths) as lake:
        accepted = accept_portfolio(lake, run_id, options.risk_profile, datetime.now(UTC).replace(tzinfo=None))
    print(f"accepted {accepted} of run {run_id}")
    return EXIT_DONE


def _request(options: argparse.Namespace) -> RunRequest:
    return RunRequest(
        profile=options.profile,
        manifest=options.manifest,
        source=options.source,
        path=options.path,
        as_of=options.as_of,
        run_id=options.run_id,
        settings=tuple(options.set),
        start_step=getattr(options, "start_step", None),
        stop_step=getattr(options, "stop_step", None),
        continue_run=getattr(options, "continue_run", False),
    )
