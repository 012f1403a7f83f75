"""Looking after the lake, as the command line offers it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from lakefolio.audit.pinned_snapshots import pinned_snapshots
from lakefolio.errors import UsageError
from lakehouse.connection.catalog import Lake
from lakehouse.maintenance import commands
from lakehouse.paths import Paths
from lakehouse.storage.snapshots import list_snapshots


def look_after(paths: Paths, what: str, *, older_than: timedelta, destination: Path | None) -> pl.DataFrame:
    """Do one thing to the lake and say what it did, a row per thing."""
    match what:
        case "snapshots":
            with Lake.open(paths, read_only=True) as lake:
                rows = [
                    {"snapshot_id": s.snapshot_id, "committed_at": s.committed_at, "run_id": s.run_id, "step": s.step,
                     "message": s.message, "tables": ", ".join(s.tables)}
                    for s in list_snapshots(lake)
                ]  # fmt: skip
            return pl.DataFrame(rows)
        case "verify-counts":
            return pl.DataFrame([asdict(count) for count in commands.verify_counts(paths)])
        case "compact":
            return _as_row(commands.compact(paths))
        case "expire":
            limit = datetime.now(UTC).replace(tzinfo=None) - older_than
            return _as_row(commands.expire(paths, keep=pinned_snapshots(paths), older_than=limit))
        case "backup":
            return _as_row(commands.backup(paths, destination))
    raise UsageError(f"lake {what!r} is not something that can be done")


def _as_row(report: object) -> pl.DataFrame:
    row = {name: str(value) for name, value in asdict(report).items()}  # type: ignore[call-overload]  # all are dataclasses
    return pl.DataFrame([row])
