"""From the words of the command line to a run that can start, or go on."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What the command line asked for; None where it said nothing."""

    profile: str = "production"
    manifest: Path | None = None
    source: str | None = None
    path: str | None = None
    as_of: date | None = None
    run_id: str | None = None
    settings: tuple[str, ...] = field(default=())


def new_run(paths: Paths, wanted: RunRequest, reporter: Reporter, *, kind: str | None = None) -> Run:
    """A run that has not begun: its manifest resolved, its clock set, its ledger opened.

    `kind` names an audit that is no run of the steps: it stands in the run's id, and such a run keeps no ledger.
    """
    shipped = paths.configs / "manifest.json"
    settings = resolve(wanted.manifest or shipped, wanted.profile, overrides(wanted), shipped=shipped)
    return _assemble(paths, wanted.profile, settings, wanted.as_of, wanted.run_id, reporter, kind=kind)


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
    run = _assemble(paths, facts["profile"], settings, date.fromisoformat(facts["as_of"]), run_id, reporter)
    run.as_of_at = datetime.fromisoformat(facts["as_of_at"])
    if run.manifest_sha256 != facts["manifest_sha256"]:
        raise ResumeError(f"{RESOLVED} of run {run_id} was changed since the run began: start a new run")
    return run


def run_facts(folder: Path) -> dict[str, Any]:
    """What the ledger says a run stood on when it began.

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


def overrides(wanted: RunRequest) -> dict[str, Any]:
    """The command line's settings as a partial profile."""
    out: dict[str, Any] = {}
    if wanted.source or wanted.path:
        out["source"] = {"kind": wanted.source or "files", **({"path": wanted.path} if wanted.path else {})}
    for word in wanted.settings:
        key, mark, text = word.partition("=")
        if not mark or not key:
            raise UsageError(f"--set {word!r}: give KEY=VALUE, such as allocation.cap=0.3")
        try:
            value = json.loads(text)
        except json.JSONDecodeError:
            value = text
        place = out
        *above, last = key.split(".")
        for part in above:
            place = place.setdefault(part, {})
        place[last] = value
    return out


def source_of(paths: Paths, settings: Profile, reporter: Reporter) -> Source:
    """The source that the manifest names (docs/architecture.md#sources); a live one tells its progress."""

    def tell(progress: Progress) -> None:
        reporter.inside(str(progress))

    wanted = settings.source
    return make_source(
        wanted.kind, Venues.of(paths), path=Path(wanted.path) if wanted.path else None, seed=wanted.seed,
        scanners=load_scanners(paths.configs, settings.discovery.scanners), symbols=wanted.symbols, batch=wanted.batch,
        report=tell,
    )  # fmt: skip


def _assemble(
    paths: Paths,
    profile: str,
    settings: Profile,
    as_of: date | None,
    run_id: str | None,
    reporter: Reporter,
    *,
    kind: str | None = None,
) -> Run:
    source = source_of(paths, settings, reporter)
    standing_on = as_of or (SAMPLE_AS_OF if settings.source.kind == "sample" else None)
    session, moment = clock(standing_on, settings.data.settle_minutes)
    name = check_run_id(run_id) if run_id else new_run_id(kind or profile, session)
    ledger = None
    if settings.flags.feat_audit_ledger and kind is None:
        key = SigningKey.open(paths.ledger_keys, signing_secret())
        ledger = Ledger(paths.run_dir(name) / "audit.jsonl", paths.checkpoints / f"{name}.jsonl", name, key)
    return Run(
        run_id=name, profile=profile, settings=settings, paths=paths, as_of=session, as_of_at=moment, source=source,
        reporter=reporter, ledger=ledger, logger=logging.getLogger("lakefolio"),
    )  # fmt: skip
