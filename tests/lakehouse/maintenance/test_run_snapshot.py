"""The snapshot that is kept for a run has empty tables of scope, and the lake afterwards has them filled as before."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from lakehouse.connection.catalog import Lake
from lakehouse.maintenance.run_snapshot import commit_lean_snapshot
from lakehouse.storage.writes import Write, write


def fill(lake: Lake) -> None:
    lake.rows("create table lake.intermediate.int_found as select range as number from range(1000)")
    lake.rows("create table lake.intermediate.int_run as select 'run-a' as run_id")
    lake.rows("create table lake.marts.returns_matrix as select range as number from range(500)")
    lake.rows("create table lake.marts.candidates as select 'run-a' as run_id from range(50)")


def test_only_tables_of_the_run_in_scope_are_empty_at_the_snapshot(
    lake: Lake, bars: Callable[..., pl.DataFrame]
) -> None:
    write(lake, Write("raw.bars", bars(40)), run_id="run-a", step="land")
    fill(lake)
    snapshot = commit_lean_snapshot(lake, "run-a")
    heights = {
        table: (lake.read(table, at_snapshot=snapshot).height, lake.read(table).height)
        for table in (
            "intermediate.int_found",
            "intermediate.int_run",
            "marts.returns_matrix",
            "marts.candidates",
            "raw.bars",
        )
    }
    assert heights == {
        "intermediate.int_found": (0, 1000),
        "intermediate.int_run": (0, 1),
        "marts.returns_matrix": (0, 500),
        "marts.candidates": (50, 50),
        "raw.bars": (40, 40),
    }
    assert lake.read("intermediate.int_found")["number"].sort().to_list() == list(range(1000))


def test_without_such_rows_the_newest_snapshot_is_lean_already(lake: Lake) -> None:
    before = lake.snapshot_id()
    assert commit_lean_snapshot(lake, "run-a") == before == lake.snapshot_id()
