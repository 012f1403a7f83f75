"""Make a run from what the command line asked for: a new one, or one that began earlier."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ingest.reference.venues import Venues
from ingest.screening.scanners import load_scanners
from ingest.sources.pacing import Progress
from ingest.sources.protocol import Source
from ingest.sources.registry import make_source
from ingest.sources.sample.universe import SAMPLE_AS_OF
from lakefolio.audit.ledger import Ledger, read_entries
from lakefolio.audit.signing import SigningKey, signing_secret
from lakefolio.config.manifest import Profile, resolve
from lakefolio.errors import ResumeError, UsageError
from lakefolio.runs.progress import Reporter
from lakefolio.runs.run import RESOLVED, Run, clock, new_run_id
from lakehouse.paths import Paths, check_run_id

DEFAULT_PROFILE = "production"


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Request of the command line; None or empty where the user did not say.

    Attributes
    ----------
    settings
        Words KEY=VALUE of `--set`.
    start_step, stop_step
        Numbers or names of the first and the last step.
    continue_run
        Whether the newest or named run is continued from its first unfinished step.
    """

    profile: str | None = None
    manifest: Path | None = None
    source: str | None = None
    path: str | None = None
    as_of: date | None = None
    run_id: str | None = None
    settings: tuple[str, ...] = ()
    start_step: str | None = None
    stop_step: str | None = None
    continue_run: bool = False


def new_run(paths: Paths, request: RunRequest, reporter: Reporter, *, kind: str | None = None) -> Run:
    """A run that has not begun: its manifest resolved, its clock set, its ledger opened.

    `kind` names an audit that is no run of the steps: it stands in the run's id, and such a run keeps no ledger.
    """
    profile = request.profile or DEFAULT_PROFILE
    settings = resolve_settings(paths, request, profile)
    identity = RunIdentity(profile, settings, request.as_of, request.run_id, kind)
    return assemble(paths, identity, reporter)


def resolve_settings(paths: Paths, request: RunRequest, profile: str) -> Profile:
    """Resolve a profile of the request's manifest, with the settings of the command line above it.

    Raises
    ------
    ManifestError
        The manifest, the profile, a key or a value is refused.
    UsageError
        A setting is not of the form KEY=VALUE, or contradicts another.
    """
    shipped = paths.configs / "manifest.json"
    return resolve(request.manifest or shipped, profile, overrides(request), shipped=shipped)


def resumed_run(paths: Paths, run_id: str, reporter: Reporter) -> Run:
    """A run that began earlier, with the manifest, source and clock that it began with.

    Raises
    ------
    ResumeError
        There is no such run, or its resolved manifest is not the one that its ledger names.
    """
    folder = paths.run_dir(run_id)
    resolved = folder / RESOLVED
    if not resolved.is_file():
        raise ResumeError(f"run {run_id} has no {RESOLVED}: it never got through env-check, so start it anew")
    facts = run_facts(folder)
    settings = Profile.model_validate_json(resolved.read_text(encoding="utf-8"))
    identity = RunIdentity(facts["profile"], settings, date.fromisoformat(facts["as_of"]), run_id)
    run = assemble(paths, identity, reporter)
    run.as_of_at = datetime.fromisoformat(facts["as_of_at"])
    run.parent_run_id = facts.get("parent")
    if run.manifest_sha256 != facts["manifest_sha256"]:
        raise ResumeError(f"{RESOLVED} of run {run_id} was changed since the run began: start a new run")
    return run


def run_facts(folder: Path) -> dict[str, Any]:
    """Facts of a run as its ledger recorded them when it began.

    Raises
    ------
    ResumeError
        The folder holds no ledger.
    """
    ledger = folder / "audit.jsonl"
    if not ledger.is_file():
        raise ResumeError(f"run {folder.name} has no ledger: it cannot be resumed, verified or reproduced")
    first = next((entry for entry in read_entries(ledger) if entry.kind == "environment"), None)
    if first is None:
        raise ResumeError(f"the ledger of run {folder.name} ends before its first step: start the run anew")
    return first.body


def find_run(paths: Paths, name: str) -> str:
    """A run id, `latest` resolved.

    Raises
    ------
    UsageError
        There is no such run.
    """
    if name == "latest":
        if not paths.latest.exists():
            raise UsageError("no run was published yet, so there is no latest")
        return paths.latest.resolve().name
    if not paths.run_dir(name).is_dir():
        raise UsageError(f"there is no run {name!r} here; `lakefolio status` lists the runs")
    return check_run_id(name)


def newest_run(paths: Paths) -> str | None:
    """The run that began last and got through env-check; None where there is none."""
    runs = paths.artifacts / "runs"
    began: list[tuple[str, str]] = []
    for ledger in runs.glob("*/audit.jsonl") if runs.is_dir() else ():
        if (ledger.parent / RESOLVED).is_file():
            # Only the first line: a run that was killed may have left a torn last one.
            with ledger.open(encoding="utf-8") as lines:
                began.append((str(json.loads(next(lines))["at"]), ledger.parent.name))
    return max(began)[1] if began else None


def overrides(request: RunRequest) -> dict[str, Any]:
    """The command line's settings as a partial profile.

    Raises
    ------
    UsageError
        A setting is not of the form KEY=VALUE, or contradicts another.
    """
    out: dict[str, Any] = {}
    if request.source or request.path:
        out["source"] = {"kind": request.source or "files", **({"path": request.path} if request.path else {})}
    for word in request.settings:
        key, mark, text = word.partition("=")
        parts = key.split(".")
        if not mark or not all(parts):
            raise UsageError(f"--set {word!r}: give KEY=VALUE, such as allocation.cap=0.3")
        section = out
        for part in parts[:-1]:
            section = section.setdefault(part, {})
            if not isinstance(section, dict):
                raise UsageError(f"--set {word!r}: {part!r} is given a value of its own by another --set")
        if isinstance(section.get(parts[-1]), dict):
            raise UsageError(f"--set {word!r}: another --set gives a value below {key}")
        section[parts[-1]] = _value(word, text)
    return out


def _value(word: str, text: str) -> object:
    try:
        value: object = json.loads(text)
    except json.JSONDecodeError:
        return text
    except RecursionError:
        raise UsageError(f"--set {word[:60]}...: the value is nested too deep") from None
    return value


def source_of(paths: Paths, settings: Profile, reporter: Reporter) -> Source:
    """The source that the manifest names (docs/architecture.md#sources); a live one reports its progress."""

    def show(progress: Progress) -> None:
        reporter.inside(str(progress))

    source = settings.source
    return make_source(
        source.kind, Venues.of(paths), path=Path(source.path) if source.path else None, seed=source.seed,
        scanners=load_scanners(paths.configs, settings.discovery.scanners), symbols=source.symbols, batch=source.batch,
        report=show,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """Profile and settings of a run, its session, and its id; the last two where they are given.

    `kind` names an audit that is no run of the steps: it stands in the run's id, and such a run keeps no ledger.
    """

    profile: str
    settings: Profile
    as_of: date | None = None
    run_id: str | None = None
    kind: str | None = None


def assemble(paths: Paths, identity: RunIdentity, reporter: Reporter) -> Run:
    """Put a run together: source, clock, id and ledger."""
    settings = identity.settings
    source = source_of(paths, settings, reporter)
    requested = identity.as_of or (SAMPLE_AS_OF if settings.source.kind == "sample" else None)
    session, moment = clock(requested, settings.data.settle_minutes)
    run_id = check_run_id(identity.run_id or new_run_id(identity.kind or identity.profile, session))
    ledger = None
    if settings.flags.feat_audit_ledger and identity.kind is None:
        key = SigningKey.open(paths.ledger_keys, signing_secret())
        ledger = Ledger(paths.run_dir(run_id) / "audit.jsonl", paths.checkpoints / f"{run_id}.jsonl", run_id, key)
    return Run(
        run_id=run_id, profile=identity.profile, settings=settings, paths=paths, as_of=session, as_of_at=moment,
        source=source, reporter=reporter, ledger=ledger, logger=logging.getLogger("lakefolio"),
    )  # fmt: skip
