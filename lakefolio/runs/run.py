"""One run: its identity, clock and settings, its lake, and the artifacts and rows that it writes."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from logging import Logger
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import polars as pl

from ingest.reference.calendars import as_of_clock, now_utc
from ingest.sources.protocol import Source
from lakefolio.audit.ledger import Ledger
from lakefolio.config.manifest import Profile
from lakefolio.errors import LockedError
from lakefolio.runs.progress import Reporter
from lakefolio.runs.step_access import StepAccess, StepLake
from lakehouse.connection.catalog import Lake, LakeSettings
from lakehouse.dbt.runner import DbtResult, run_dbt
from lakehouse.paths import Paths, check_run_id
from lakehouse.storage.writes import Write, WriteReceipt, write

RESOLVED = "manifest.resolved.json"
"""The artifact that holds the settings of a run."""


@dataclass(frozen=True, slots=True)
class StepReport:
    """Rows that a step dealt with and, in a few words, its result."""

    rows: int
    note: str = ""


@dataclass(slots=True)
class Run:
    """A run as every step is given it."""

    run_id: str
    profile: str
    settings: Profile
    paths: Paths
    as_of: date
    as_of_at: datetime
    source: Source
    reporter: Reporter
    ledger: Ledger | None
    logger: Logger
    artifacts: list[Path] = field(default_factory=list)
    parent_run_id: str | None = None
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC).replace(tzinfo=None))
    access: StepAccess | None = field(default=None, init=False, repr=False)
    raw_hashes: dict[tuple[str, int], str] = field(default_factory=dict, init=False, repr=False)
    _lake: Lake | None = field(default=None, init=False, repr=False)

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self.paths.run_dir(self.run_id)

    @property
    def manifest_sha256(self) -> str:
        """SHA-256 of the resolved manifest."""
        return hashlib.sha256(self.settings.model_dump_json().encode()).hexdigest()

    @property
    def source_name(self) -> str:
        """Name of the source, as `raw` tables carry it."""
        return self.source.name

    @property
    def as_of_text(self) -> str:
        """The run's session, ISO."""
        return self.as_of.isoformat()

    @property
    def lake(self) -> Lake:
        """The open lake, one for the whole run; while a step is under way it is held to the step's declaration."""
        if self._lake is None:
            options = self.settings.lake
            limits = LakeSettings(memory_limit=f"{options.memory_limit_mib}MiB", threads=options.threads)
            self._lake = Lake.open(self.paths, settings=limits)
        return self._lake if self.access is None else StepLake(self._lake, self.access)

    @contextmanager
    def held_to(self, access: StepAccess) -> Iterator[None]:
        """Hold everything inside to the declaration of one step."""
        self.access = access
        try:
            yield
        finally:
            self.access = None

    def close(self) -> None:
        """Close the lake; the next use opens it again."""
        if self._lake is not None:
            self._lake.close()
            self._lake = None

    def query(self, sql: str, *params: object) -> pl.DataFrame:
        """Read from the lake; `?` stand for the parameters."""
        return self.lake.query(sql, list(params))

    def store(self, step: str, *writes: Write) -> WriteReceipt:
        """Commit all writes of a step as one transaction."""
        return write(self.lake, list(writes), run_id=self.run_id, step=step)

    def replace(self, table: str, frame: pl.DataFrame, **keys: object) -> Write:
        """A write that puts `frame` in the place of this run's rows (of those with `keys`, where given)."""
        with_run = frame.with_columns(
            pl.lit(self.run_id).alias("run_id"), *(pl.lit(v).alias(k) for k, v in keys.items())
        )
        return Write(table, with_run, mode="replace_run", keys=dict(keys))

    def dbt(
        self, command: str, select: Sequence[str], *, window_sessions: int = 0, exclude: Sequence[str] = ()
    ) -> DbtResult:
        """Run dbt on this run's scope; failures come back in the result."""
        arguments = [command, "--no-write-json", "--cache-selected-only"]
        if command != "run":
            # A test runs when all the models that it reads are built, not when the first of them is; unit tests check
            # the code and not the data, so they are for `dbt test` by hand and for CI.
            arguments += ["--indirect-selection", "cautious", "--exclude-resource-type", "unit_test"]
        arguments += ["--select", *select] if select else []
        arguments += ["--exclude", *exclude] if exclude else []
        scope = {"LAKEFOLIO_RUN_ID": self.run_id, "LAKEFOLIO_WINDOW_SESSIONS": str(window_sessions)}
        access, self.access = self.access, None
        try:
            # dbt counts the rows of what it built; what it read and built is checked from its result.
            result = run_dbt(self.paths, arguments, environment=scope, log_path=self.folder / "logs", lake=self.lake)
        finally:
            self.access = access
        if access is not None:
            access.build(result.nodes)
        return result

    def record_step(self, row: pl.DataFrame) -> None:
        """Append one row to results.steps."""
        write(self.lake, Write("results.steps", row), run_id=self.run_id, step="steps")

    def rng(self, purpose: str) -> np.random.Generator:
        """A generator seeded by the manifest's seed and the purpose, so that no use disturbs another."""
        words = hashlib.sha256(purpose.encode()).digest()
        return np.random.default_rng([self.settings.random_seed, *np.frombuffer(words, dtype=np.uint32).tolist()])

    def publish(self, name: str, content: str | bytes) -> Path:
        """Write one artifact of the run folder whole, or not at all."""
        if self.access is not None:
            self.access.publish(name)
        path = self.paths.run_file(self.run_id, *name.split("/"))
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        part.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        part.replace(path)
        self.artifacts.append(path)
        return path


def new_run_id(profile: str, as_of: date) -> str:
    """A run id that sorts by its session: profile, session, and four random bytes."""
    return check_run_id(f"{as_of:%Y%m%d}-{profile}-{secrets.token_hex(4)}")


def clock(as_of: date | None, settle_minutes: int) -> tuple[date, datetime]:
    """The run's clock: its session, and the moment up to which it knows anything, naive UTC.

    With `as_of` it is the moment at which all sessions of that date have settled; without, it is now and the session is
    the last whole day.
    """
    if as_of is not None:
        return as_of, as_of_clock(as_of, settle_minutes)
    now = now_utc().replace(microsecond=0)
    return (now - timedelta(minutes=settle_minutes)).date() - timedelta(days=1), now


@contextmanager
def run_lock(paths: Paths, what: str) -> Iterator[Callable[[str], None]]:
    """Hold the lock of the home from the first step to the last; call what is yielded to name the run that holds it.

    Raises
    ------
    LockedError
        Another run holds it; the message names that run and its process.
    """
    paths.lock_file.parent.mkdir(parents=True, exist_ok=True)
    holder_file = paths.lock_file.with_name("run.holder.json")
    lock = filelock.FileLock(paths.lock_file)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise LockedError(f"another run holds the lock: {_holder(holder_file)}; wait for it or end it") from None

    def name(holder: str) -> None:
        facts: dict[str, Any] = {"holder": holder, "pid": os.getpid(), "since": now_utc().isoformat(timespec="seconds")}
        part = holder_file.with_suffix(".part")
        part.write_text(json.dumps(facts), encoding="utf-8")
        part.replace(holder_file)

    try:
        name(what)
        yield name
    finally:
        holder_file.unlink(missing_ok=True)
        lock.release()


def _holder(path: Path) -> str:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return "one that has only just started"
    return f"{facts['holder']} (process {facts['pid']}, since {facts['since']}Z)"
