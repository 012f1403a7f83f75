"""List the snapshots of the lake with the run and step that committed each."""

# ruff: noqa: S608 (names come from contracts and checked table names, values are parameters)
from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lakehouse.connection.catalog import Lake
from lakehouse.errors import UnknownTableError
from lakehouse.paths import check_run_id

_COLUMNS = "snapshot_id, snapshot_time::timestamp, author, commit_message, commit_extra_info, changes::json::varchar"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One commit; `run_id` and `step` are empty for commits outside a run's writes, such as those of dbt."""

    snapshot_id: int
    committed_at: datetime
    author: str
    message: str
    run_id: str
    step: str
    tables: tuple[str, ...]
    changes: dict[str, list[str]]


def _snapshot(row: Sequence[Any]) -> Snapshot:
    number, committed_at, author, message, extra, changes = row
    info = json.loads(extra) if extra else {}
    return Snapshot(
        snapshot_id=int(number),
        committed_at=committed_at,
        author=author or "",
        message=message or "",
        run_id=info.get("run", ""),
        step=info.get("step", ""),
        tables=tuple(info.get("tables", ())),
        changes=json.loads(changes) if changes else {},
    )


def list_snapshots(lake: Lake, *, limit: int | None = None) -> list[Snapshot]:
    """List the snapshots that have not expired, newest first."""
    newest = "" if limit is None else f" limit {int(limit)}"
    found = lake.rows(f"select {_COLUMNS} from ducklake_snapshots('lake') order by snapshot_id desc{newest}")
    return [_snapshot(row) for row in found]


def snapshot(lake: Lake, snapshot_id: int) -> Snapshot:
    """Return one snapshot; `UnknownTableError` when it does not exist or has expired."""
    found = lake.rows(f"select {_COLUMNS} from ducklake_snapshots('lake') where snapshot_id = ?", [snapshot_id])
    if not found:
        raise UnknownTableError(f"the lake has no snapshot {snapshot_id}: it has expired, or belongs to another lake")
    return _snapshot(found[0])


def find_commit(lake: Lake, run_id: str, step: str, *, token: str | None = None) -> int | None:
    """Return the snapshot that a step of a run committed, or None.

    See docs/lake.md#4.

    A process can end after its commit and before it knows of it, so a resumed step looks here before it writes again.

    Parameters
    ----------
    token : str, optional
        Restrict to one call of `write`; by default the newest commit of the step is found.
    """
    found = lake.rows(
        "select max(snapshot_id) from ducklake_snapshots('lake') where author = 'lakefolio' and commit_message = ? "
        "and (?::varchar is null or json_extract_string(commit_extra_info, '$.token') = ?)",
        [f"{check_run_id(run_id)} {step}", token, token],
    )
    return None if found[0][0] is None else int(found[0][0])


def last_change(lake: Lake, table: str) -> int | None:
    """Number of the newest snapshot that changed the rows of a table; None when none that did is left.

    While it stays the same, so do the rows. Tables of one name in several schemas count as one.
    """
    found = lake.rows(
        "select max(snapshots.snapshot_id) from ducklake_snapshots('lake') as snapshots, ducklake_table_info('lake') as tables "
        "where tables.table_name = ? and list_contains(flatten(map_values(snapshots.changes)), tables.table_id::varchar)",
        [table.partition(".")[2]],
    )
    return None if found[0][0] is None else int(found[0][0])
