"""Snapshots are listed with run and step, newest first, and a step finds its own commit."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from lakehouse.connection.catalog import Lake
from lakehouse.errors import PathRefusedError, UnknownTableError
from lakehouse.storage.snapshots import find_commit, list_snapshots, snapshot
from lakehouse.storage.writes import Write, write


def test_snapshots_name_run_step_and_tables(lake: Lake, clusters: Callable[..., pl.DataFrame]) -> None:
    table = "results.cluster_links"
    committed = [
        write(lake, Write(table, clusters(2, run_id)), run_id=run_id, step=step).snapshot_id
        for run_id, step in (("run-a", "cluster"), ("run-b", "cluster"))
    ]
    assert [found.snapshot_id for found in list_snapshots(lake, limit=2)] == committed[::-1]
    found = snapshot(lake, committed[0])
    assert (found.run_id, found.step, found.tables) == ("run-a", "cluster", (table,))
    assert find_commit(lake, "run-b", "cluster") == committed[1]
    assert find_commit(lake, "run-b", "cluster", token="other") is None  # noqa: S106 - no password


def test_an_unknown_snapshot_or_run_id_is_refused(lake: Lake) -> None:
    with pytest.raises(UnknownTableError, match="no snapshot 999"):
        snapshot(lake, 999)
    with pytest.raises(PathRefusedError):
        find_commit(lake, "../x", "cluster")
