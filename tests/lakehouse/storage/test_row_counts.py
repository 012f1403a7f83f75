"""Counting compares metadata and scan on one snapshot."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl
import pytest

from lakehouse.connection.catalog import Lake, LakeSettings
from lakehouse.paths import Paths
from lakehouse.storage.row_counts import count_table
from lakehouse.storage.writes import Write, write


def test_a_commit_between_the_two_counts_is_no_damage(
    lake: Lake,
    paths: Paths,
    settings: LakeSettings,
    clusters: Callable[..., pl.DataFrame],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = "results.cluster_links"
    write(lake, Write(table, clusters(5)), run_id="run-a", step="one")
    rows, is_first = lake.rows, [True]

    def rows_then_commit(sql: str, params: Sequence[object] | None = None) -> list[tuple[object, ...]]:
        found = rows(sql, params)
        if is_first:
            is_first.clear()
            with Lake.open(paths, settings=settings) as other:
                write(other, Write(table, clusters(5, "run-b")), run_id="run-b", step="one")
        return found

    monkeypatch.setattr(lake, "rows", rows_then_commit)
    count = count_table(lake, table)
    assert (count.promised, count.scanned, count.is_whole) == (5, 5, True)
    assert count_table(lake, table).scanned == 10
