"""Plan a run: a new one, one that goes on, or a child that re-uses the earlier steps of its parent.

See docs/architecture.md#run.

A run keeps the settings it began with. Where the command line changes a setting, a child run is made: its steps before
the start step are the parent's, so a setting that one of those depends on is refused by name.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from lakefolio.config.manifest import Profile
from lakefolio.errors import ResumeError, UsageError
from lakefolio.pipeline.outcomes import check_earlier, first_unfinished
from lakefolio.pipeline.reuse import FIRST_REUSED, REBUILT
from lakefolio.pipeline.runner import Span
from lakefolio.pipeline.sequence import STEPS, Step, find_step, first_reader
from lakefolio.runs.progress import Reporter
from lakefolio.runs.run import Run
from lakefolio.runs.start import (
    RunIdentity,
    RunRequest,
    assemble,
    find_run,
    new_run,
    newest_run,
    overrides,
    resolve_settings,
    resumed_run,
)
from lakehouse.paths import Paths

_TEXT_SETTINGS = ("description", "extends")
_REPORT = find_step("report")


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A run that can start, and the steps that it will run."""

    run: Run
    span: Span


def plan_run(paths: Paths, request: RunRequest, reporter: Reporter) -> PlannedRun:
    """Decide which run executes which steps; nothing is written yet.

    Without `start_step` and `continue_run`, and without the id of a run that exists, it is a new run. Otherwise the named
    run, or the newest, goes on; with settings, profile or session that differ from its own, a child of it.

    Raises
    ------
    UsageError
        A step, run or setting is not known, or a changed setting is read by a step before the start step.
    ResumeError
        An earlier step never finished, or its outputs are gone or changed.
    """
    span = Span.of(request.start_step, request.stop_step)
    base = _base_run(paths, request)
    if base is None:
        return PlannedRun(new_run(paths, request, reporter), span)
    parent = resumed_run(paths, base, reporter)
    try:
        changes = _changes(paths, request, parent)
        if request.continue_run:
            span = _continued_span(parent, changes, span)
        _refuse_changes_before(span.first, changes)
        if changes.is_none:
            return PlannedRun(parent, span)
        if span.first.number > _REPORT.number:
            raise UsageError(f"a run with other settings renders its own reports: use --start-step {_REPORT.name}")
        if span.first.number <= FIRST_REUSED:
            span = Span(STEPS[0], span.last)
        else:
            check_earlier(parent, span.first, rebuilt=REBUILT)
        return PlannedRun(_child(paths, parent, changes, reporter), span)
    finally:
        parent.close()


@dataclass(frozen=True, slots=True)
class _Changes:
    """Differences between a request and the run that it continues.

    Attributes
    ----------
    keys : tuple of str
        Manifest keys with other values.
    """

    profile: str
    settings: Profile
    keys: tuple[str, ...]
    request: RunRequest
    is_session_changed: bool

    @property
    def is_none(self) -> bool:
        """True where the run can go on as it is."""
        return not self.keys and not self.is_session_changed

    def readers(self) -> list[tuple[str, Step]]:
        """Each change with the first step that depends on it."""
        found = [(key, first_reader(key)) for key in self.keys]
        readers = [(key, step) for key, step in found if step is not None]
        return [*readers, ("--as-of", find_step("discovery"))] if self.is_session_changed else readers


def _base_run(paths: Paths, request: RunRequest) -> str | None:
    """The run that a request continues; None where it asks for a new one."""
    if request.run_id is not None and paths.run_dir(request.run_id).is_dir():
        return find_run(paths, request.run_id)
    goes_on = request.continue_run or (request.start_step is not None and find_step(request.start_step).number > 1)
    if not goes_on:
        return None
    if request.run_id is not None:
        raise UsageError(f"there is no run {request.run_id!r} here; `lakefolio status` lists the runs")
    newest = newest_run(paths)
    if newest is None and request.start_step is not None and find_step(request.start_step).number > 1:
        raise UsageError("there is no run here yet, so none can go on: start one with `lakefolio run`")
    return newest


def _changes(paths: Paths, request: RunRequest, parent: Run) -> _Changes:
    """Settings and session of the request against those of the run it continues; unknown settings are refused."""
    profile = request.profile or parent.profile
    if profile == parent.profile and request.manifest is None:
        settings = parent.settings.changed(overrides(request))
    else:
        settings = resolve_settings(paths, request, profile)
    before, after = (_leaves(one.model_dump(mode="json")) for one in (parent.settings, settings))
    keys = tuple(
        key for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key) and key not in _TEXT_SETTINGS
    )  # fmt: skip
    is_session_changed = request.as_of is not None and request.as_of != parent.as_of
    return _Changes(profile, settings, keys, request, is_session_changed)


def _leaves(value: Any, at: str = "") -> dict[str, Any]:
    """Values by dotted key; a mapping that is data, such as excluded symbols, ends up key by key too."""
    if isinstance(value, dict) and value:
        return {
            key: leaf
            for name, inner in value.items()
            for key, leaf in _leaves(inner, f"{at}.{name}" if at else str(name)).items()
        }
    return {at: value}


def _refuse_changes_before(first: Step, changes: _Changes) -> None:
    for key, step in changes.readers():
        # The first two steps are run again for every child.
        if step.number < first.number:
            raise UsageError(f"{key} is read by step {step.number} {step.name}: use --start-step {step.name}")


def _continued_span(parent: Run, changes: _Changes, span: Span) -> Span:
    """The steps with which a run goes on: from the first unfinished, changed or damaged one; else the last one again."""
    entries = parent.ledger.entries if parent.ledger is not None else ()
    starts = [step for _, step in changes.readers()]
    late = [(key, step) for key, step in changes.readers() if step.number > span.last.number]
    if late:
        key, step = late[0]
        raise UsageError(f"{key} is read by step {step.number} {step.name}, after --stop-step {span.last.name}")
    unfinished = first_unfinished(entries)
    if unfinished is not None:
        starts.append(unfinished)
    first = min([*starts, span.last], key=lambda step: step.number)
    if first.number > 1:
        try:
            check_earlier(parent, first, rebuilt=REBUILT if not changes.is_none else ())
        except ResumeError as refusal:
            if refusal.start_step is None:
                raise
            first = find_step(refusal.start_step)
    return replace(span, first=first)


def _child(paths: Paths, parent: Run, changes: _Changes, reporter: Reporter) -> Run:
    """A new run with the changed settings, at the parent's clock unless another session is asked for."""
    as_of = changes.request.as_of or parent.as_of
    child = assemble(paths, RunIdentity(changes.profile, changes.settings, as_of), reporter)
    if child.ledger is None or parent.ledger is None:
        raise UsageError("a run without a ledger has no child: switch flags.feat_audit_ledger on")
    if not changes.is_session_changed and "data.settle_minutes" not in changes.keys:
        child.as_of_at = parent.as_of_at
    child.parent_run_id = parent.run_id
    return child
