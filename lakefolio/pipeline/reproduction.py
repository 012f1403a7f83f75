"""Run a recorded run again in a scratch home, and compare every content hash.

See docs/method/11-audit.md#11.4.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from ingest.errors import ScanUnsupportedError
from ingest.screening.scanners import Scanner
from ingest.sources.protocol import BAR_SCHEMA, INSTRUMENT_SCHEMA, REFUSED_SCHEMA, BarBatch, BarRequest
from lakefolio.audit.ledger import Entry, Ledger, read_entries
from lakefolio.audit.pinned_snapshots import last_snapshot
from lakefolio.audit.signing import SigningKey
from lakefolio.audit.verification import latest_hashes
from lakefolio.config.manifest import Profile
from lakefolio.errors import LakefolioError
from lakefolio.pipeline.runner import Span, execute
from lakefolio.runs.progress import Reporter
from lakefolio.runs.run import RESOLVED, Run
from lakefolio.runs.start import run_facts
from lakehouse.connection.catalog import Lake
from lakehouse.paths import Paths
from lakehouse.storage.writes import Write, write


class RecordedSource:
    """Batches of a run's source, read back from the snapshot that the run pinned.

    Accepted bars are handed over as bars, and what stood in quarantine as refused rows with its recorded reason, so that
    landing them again must come to the same tables.
    """

    def __init__(self, lake: Lake, snapshot: int, run_id: str, facts: Mapping[str, Any]) -> None:
        self.name = name = str(facts["source"])
        self._as_of_at = datetime.fromisoformat(facts["as_of_at"])
        self.is_simulated = bool(facts["is_simulated"])
        self.scans_from_bars = bool(facts["scans_from_bars"])
        self.is_remote = False
        self._scans = lake.query(
            f"select * exclude (run_id) from raw.scans at (version => {int(snapshot)}) where run_id = ?",  # noqa: S608
            [run_id],
        )
        self._bars, self._refused, self._instruments = (
            lake.query(f"select * from raw.{table} at (version => {int(snapshot)}) where source = ?", [name])  # noqa: S608
            for table in ("bars", "quarantine", "instruments")
        )

    def instruments(self, symbols: Sequence[str] | None = None, *, as_of: date) -> pl.DataFrame:
        """The version of each instrument that was in force at the run's clock."""
        in_force = pl.col("valid_to").is_null() | (pl.col("valid_to") > self._as_of_at)
        newest = self._instruments.filter((pl.col("valid_from") <= self._as_of_at) & in_force)
        newest = newest.filter(pl.col("first_session").is_null() | (pl.col("first_session") <= as_of))
        chosen = newest if symbols is None else newest.filter(pl.col("symbol").is_in(list(symbols)))
        return chosen.select(pl.col(name).cast(kind) for name, kind in INSTRUMENT_SCHEMA.items()).sort("symbol")

    def bars(self, request: BarRequest) -> Iterator[BarBatch]:
        """One whole answer."""
        requested = pl.col("symbol").is_in(list(request.symbols))
        span = pl.col("session_date").is_null() | (
            (pl.col("session_date") <= request.last) & (pl.col("session_date") >= (request.first or date.min))
        )
        bars = self._bars.filter(requested & span).with_columns(pl.lit(None, pl.Int64).alias("row_number"))
        refused = self._refused.filter(span if request.first is None else requested & span)
        yield BarBatch(
            request.symbols,
            bars.select(pl.col(name).cast(kind) for name, kind in BAR_SCHEMA.items()),
            refused.select(pl.col(name).cast(kind) for name, kind in REFUSED_SCHEMA.items()),
        )

    def scan(self, scanner: Scanner, *, as_of: date, as_of_at: datetime | None = None) -> pl.DataFrame:
        """Return the recorded finds of the source's own scanner."""
        if self.scans_from_bars:
            raise ScanUnsupportedError(f"{scanner.name} at {as_of_at or as_of}: this source was scanned from its bars")
        return self._scans.filter(pl.col("scanner") == scanner.name)


def reproduce(paths: Paths, run_id: str, reporter: Reporter) -> pl.DataFrame:
    """Run a run again in a scratch home; columns name, recorded, reproduced, is_equal.

    Raises
    ------
    LakefolioError
        The run never finished its data steps, or its snapshot has expired.
    """
    folder = paths.run_dir(run_id)
    facts = run_facts(folder)
    entries = list(read_entries(folder / "audit.jsonl"))
    done = {e.step: e.body for e in entries if e.kind == "outcome" and e.body["status"] == "done"}
    if "health" not in done:
        raise LakefolioError(f"run {run_id} never finished its data steps, so there is nothing to reproduce")
    recorded = {name: sha256 for name, (sha256, _) in latest_hashes(entries, "outcome", "outputs").items()}
    last = max((step for step in done), key=lambda step: list(done).index(step))
    with tempfile.TemporaryDirectory(prefix="lakefolio-reproduce-") as scratch:
        home = _scratch_home(paths, Path(scratch))
        with Lake.open(paths, read_only=True) as lake:
            source = RecordedSource(lake, _pinned(entries, run_id), run_id, facts)
            held = lake.query("select * from results.holdings where accepted_at <= ?", [_held_until(entries)])
        with Lake.open(home) as lake:
            if held.height:
                write(lake, Write("results.holdings", held), run_id=run_id, step="accept")
        key = SigningKey.open(home.ledger_keys, None)
        ledger = Ledger(home.run_dir(run_id) / "audit.jsonl", home.checkpoints / f"{run_id}.jsonl", run_id, key)
        settings = Profile.model_validate_json((folder / RESOLVED).read_text(encoding="utf-8"))
        run = Run(
            run_id=run_id, profile=facts["profile"], settings=settings, paths=home, as_of=date.fromisoformat(facts["as_of"]),
            as_of_at=datetime.fromisoformat(facts["as_of_at"]), source=source, reporter=reporter, ledger=ledger,
            logger=logging.getLogger("lakefolio"), parent_run_id=facts.get("parent"),
        )  # fmt: skip
        execute(run, Span.of(None, last))
        again = {name: sha256 for name, (sha256, _) in latest_hashes(ledger.entries, "outcome", "outputs").items()}
    rows = [
        {"name": name, "recorded": sha256, "reproduced": again.get(name, ""), "is_equal": again.get(name) == sha256}
        for name, sha256 in recorded.items()
    ]
    return pl.DataFrame(rows)


def _scratch_home(paths: Paths, root: Path) -> Paths:
    """A home of its own, whatever the environment says about catalog and data."""
    lake = root / "data" / "lakehouse"
    return replace(paths, root=root, catalog=f"sqlite:{lake / 'catalog.sqlite'}", data=str(lake / "files"))


def _pinned(entries: Sequence[Entry], run_id: str) -> int:
    snapshot = last_snapshot(entry.document for entry in entries)
    if snapshot is None:
        raise LakefolioError(f"the ledger of run {run_id} names no snapshot, so there is nothing to reproduce from")
    return snapshot


def _held_until(entries: Sequence[Entry]) -> datetime:
    """The moment up to which acceptances counted: when the portfolios were allocated, by whatever run, else the start."""
    at = str(entries[0].document["at"])
    for entry in entries:
        if entry.kind == "outcome" and entry.step == "optimize":
            at = str(entry.body.get("performed_at", entry.document["at"]))
    return datetime.fromisoformat(at).replace(tzinfo=None)
