"""A lake of layout 1 keeps its bars and results, and gives its runs to the models of today."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing

import polars as pl
import pytest

from lakehouse.connection.catalog import Lake, LakeSettings
from lakehouse.errors import MaintenanceError
from lakehouse.maintenance.migration import migrate
from lakehouse.paths import Paths
from lakehouse.storage.hashing import content_hash
from lakehouse.storage.writes import Write, write


@pytest.fixture
def older(lake: Lake, bars: Callable[..., pl.DataFrame]) -> Lake:
    """A lake as layout 1 left it: its runs in `results`, marts of the newest run, returns of tournaments."""
    write(lake, Write("raw.bars", bars(30)), run_id="run-a", step="land")
    lake.rows(
        "insert into lake.scope.runs by name select 'run-' || range as run_id, 'production' as profile, 'files' as source, "
        "date '2024-06-03' as as_of, timestamp '2024-06-03 22:00:00' as as_of_at, "
        "timestamp '2024-06-03 23:00:00' as started_at from range(3)"
    )
    lake.rows("create table lake.results.runs as from lake.scope.runs")
    for name in ("runs", "sessions", "scanners", "winners"):
        lake.rows(f"drop table lake.scope.{name}")
    lake.rows("drop table lake.results.tournament_sessions")
    lake.rows("create table lake.results.tournament_returns as select 'run-0' as run_id, 0.01::double as \"return\"")
    lake.rows("create table lake.marts.data_health as select 'TEST:AAA' as symbol")
    lake.rows("create view lake.reports.rpt_health as from lake.marts.data_health")
    lake.rows("delete from __ducklake_metadata_lake.ducklake_metadata where key = 'lakefolio_layout'")
    return lake


def n_snapshots(paths: Paths) -> int:
    assert paths.catalog_file is not None
    with closing(sqlite3.connect(paths.catalog_file)) as catalog:
        return int(catalog.execute("select count(*) from ducklake_snapshot").fetchone()[0])


def test_runs_are_copied_and_what_dbt_builds_is_dropped(older: Lake, paths: Paths, settings: LakeSettings) -> None:
    before = {
        table: content_hash(older.read(table)) for table in ("raw.bars", "results.runs", "results.tournament_returns")
    }
    older.close()
    report = migrate(paths)
    assert (report.layout_before, report.layout, report.n_runs) == (1, 2, 3)
    assert "results.tournament_returns" in report.note
    with Lake.open(paths, settings=settings) as lake:
        assert {table: content_hash(lake.read(table)) for table in before} == before
        assert content_hash(lake.read("scope.runs")) == before["results.runs"]
        assert lake.read("results.tournament_sessions").is_empty()
        assert not [name for name in lake.tables() if name.startswith(("marts.", "reports."))]
    assert migrate(paths).note == "nothing to do"


def test_a_table_of_neither_layout_is_named_and_nothing_is_changed(older: Lake, paths: Paths) -> None:
    older.rows("alter table lake.raw.fetches add column note varchar")
    older.close()
    before = n_snapshots(paths)
    with pytest.raises(MaintenanceError, match=r"table raw\.fetches of this lake is older than layout 1"):
        migrate(paths)
    assert n_snapshots(paths) == before
