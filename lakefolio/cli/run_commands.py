"""Commands that run the pipeline, and the one that records its portfolio as held."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.cli.options import (
    AsJson,
    AsOf,
    Home,
    RunIdOption,
    Settings,
    Source,
    SourcePath,
    Wide,
    check_source,
    paths_of,
    whole_number,
)
from lakefolio.cli.options import (
    LATEST,
    NEWEST,
    Manifest,
    Profile,
    RiskProfileOption,
    RunId,
    check_settings,
    find_run_id,
)
from lakefolio.cli.output import Output, document
from lakefolio.cli.step_names import STEP_NAMES, read_step
from lakefolio.errors import UsageError
from lakehouse.paths import Paths

if TYPE_CHECKING:
    from lakefolio.runs.start import RunRequest

LIGHT_SESSIONS = 60
"""Sessions of the light pass, unless the lookback is shorter."""
SESSIONS_PER_WEEK, DAYS_PER_WEEK = 5, 7


StartStep = Annotated[
    str | None, typer.Option(parser=read_step, metavar="STEP", help="Number or name of the step to resume at.")
]
StopStep = Annotated[
    str | None, typer.Option(parser=read_step, metavar="STEP", help="Number or name of the last step to run.")
]
Continue = Annotated[bool, typer.Option("--continue", help="Go on with the newest run at its first unfinished step.")]
LookbackDays = Annotated[
    int | None,
    typer.Option(
        parser=whole_number(minimum=7, maximum=20_000), metavar="DAYS",
        help="Calendar days of history, in place of data.full_sessions.",
    ),
]  # fmt: skip


def run(
    profile: Profile = None,
    manifest: Manifest = None,
    source: Source = None,
    path: SourcePath = None,
    as_of: AsOf = None,
    run_id: RunIdOption = None,
    settings: Settings = None,
    start_step: StartStep = None,
    stop_step: StopStep = None,
    continue_run: Continue = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Run the steps, from the scan to the signed portfolio.

    Without --run-id, --start-step or --continue a new run begins. --start-step resumes the newest run, or the one that
    --run-id names, at that step. --continue goes on where the newest run stopped, and begins a new run where the newest
    is finished; with --start-step it goes on at that step at the latest. `lakefolio steps` lists the steps.
    """
    check_source(source, path)
    words = check_settings(settings)
    if start_step and stop_step and STEP_NAMES.index(start_step) > STEP_NAMES.index(stop_step):
        raise UsageError(f"--start-step {start_step} comes after --stop-step {stop_step}")

    from lakefolio.runs.start import RunRequest

    request = RunRequest(
        profile, manifest, source, path, as_of, run_id, words, start_step, stop_step, continue_run
    )  # fmt: skip
    _perform(paths_of(home), request, as_json=as_json)


def _perform(paths: Paths, request: RunRequest, *, as_json: bool) -> None:
    """Plan the run under the lock of its home, execute it, and say where its artifacts are."""
    from lakefolio.cli.continuation import continued, is_new_child, why_new
    from lakefolio.pipeline.resume import plan_run
    from lakefolio.pipeline.runner import execute
    from lakefolio.runs.progress import Reporter
    from lakefolio.runs.run import run_lock
    from lakefolio.runs.start import newest_run
    from lakefolio.steps.publish import point_latest

    reporter = Reporter()
    if request.run_id in (LATEST, NEWEST):
        request = replace(request, run_id=find_run_id(paths, request.run_id))
    planned_request = continued(paths, request)
    if planned_request is None:
        last = request.stop_step or STEP_NAMES[-1]
        reporter.say(f"nothing to do: step {last} is finished; --start-step {last} repeats it")
        if as_json:
            document({"run_id": request.run_id or newest_run(paths), "status": "nothing to do"})
        return
    if request.continue_run and not planned_request.continue_run and planned_request.start_step is None:
        reporter.say(f"--continue: {why_new(paths, request)}, so a new run begins")
    with run_lock(paths, f"a run of profile {request.profile or 'production'}") as name_holder:
        planned = plan_run(paths, planned_request, reporter)
        started = planned.run
        name_holder(f"run {started.run_id}")
        label = ", SIMULATED market" if started.source.is_simulated else ""
        reporter.say(f"run {started.run_id}: profile {started.profile}, as of {started.as_of}{label}")
        if is_new_child(started):
            reporter.say(f"it is a child of run {started.parent_run_id}, which has other settings or another session")
        execute(started, planned.span)
        if planned.span.last.name == STEP_NAMES[-1]:
            point_latest(started)
    if as_json:
        facts = {"run_id": started.run_id, "as_of": started.as_of_text, "folder": str(started.folder)}
        document({**facts, "status": "done"})
    else:
        reporter.say(f"done: {os.path.relpath(started.folder)}")


def forex(
    profile: Profile = None,
    manifest: Manifest = None,
    source: Source = None,
    path: SourcePath = None,
    as_of: AsOf = None,
    run_id: RunIdOption = None,
    settings: Settings = None,
    lookback_days: LookbackDays = None,
    fast: Annotated[bool, typer.Option("--fast", help="Report liquidity only.")] = False,
    no_backfill: Annotated[bool, typer.Option("--no-backfill", help="Do not ask for missing history.")] = False,
    no_gap_fill: Annotated[bool, typer.Option("--no-gap-fill", help="Do not ask for missing sessions.")] = False,
    include_excluded: Annotated[bool, typer.Option("--include-excluded", help="Keep pairs that are excluded.")] = False,
    home: Home = None,
    as_json: AsJson = False,
    wide: Wide = False,
) -> None:
    """Audit the currency pairs of a source: liquidity, data health and clusters."""
    check_source(source, path)
    words = check_settings((*sessions_of(lookback_days), *(settings or ())))

    from lakefolio.cli.views import LIQUIDITY
    from lakefolio.runs.progress import Reporter
    from lakefolio.runs.run import run_lock
    from lakefolio.runs.start import RunRequest, new_run
    from lakefolio.steps.forex_audit import ForexOptions, audit_forex

    paths, reporter = paths_of(home), Reporter()
    request = RunRequest(profile, manifest, source, path, as_of, run_id, words)
    with run_lock(paths, "a forex audit") as name_holder:
        audited = new_run(paths, request, reporter, kind="forex")
        name_holder(f"run {audited.run_id}")
        try:
            liquidity = audit_forex(audited, ForexOptions(fast, not no_backfill, not no_gap_fill, include_excluded))
        finally:
            audited.close()
    Output(as_json, wide).frame(liquidity, LIQUIDITY)
    reporter.say(f"done: {os.path.relpath(audited.folder / 'forex')}")


def accept(
    run_id: RunId = "latest", risk_profile: RiskProfileOption = None, home: Home = None, as_json: AsJson = False
) -> None:
    """Record a run's portfolio as held: the base of drift, turnover and orders from then on."""
    from lakefolio.runs.run import run_lock
    from lakefolio.state.held_portfolios import accept_portfolio
    from lakehouse.connection.catalog import Lake

    paths = paths_of(home)
    found = find_run_id(paths, run_id)
    with run_lock(paths, f"accepting {found}"), Lake.open(paths) as lake:
        accepted = accept_portfolio(lake, found, risk_profile, datetime.now(UTC).replace(tzinfo=None))
    if as_json:
        document({"run_id": found, "accepted": accepted})
    else:
        print(f"accepted {accepted} of run {found}")


def sessions_of(days: int | None) -> tuple[str, ...]:
    """Translate a lookback in calendar days into settings: five sessions a week."""
    if days is None:
        return ()
    sessions = max(1, round(days * SESSIONS_PER_WEEK / DAYS_PER_WEEK))
    return f"data.full_sessions={sessions}", f"data.light_sessions={min(sessions, LIGHT_SESSIONS)}"
