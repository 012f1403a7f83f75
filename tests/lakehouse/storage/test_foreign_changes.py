"""Tables that another program changed are named with the snapshot, until the change is acknowledged."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from lakehouse.connection.catalog import Lake
from lakehouse.storage.foreign_changes import ForeignChange, acknowledge_changes, foreign_changes
from lakehouse.storage.writes import Write, write


@pytest.fixture
def filled(lake: Lake, bars: Callable[..., pl.DataFrame]) -> Lake:
    write(lake, Write("raw.bars", bars(40)), run_id="run-a", step="land")
    lake.rows("begin")
    lake.rows("create table lake.marts.candidates as select 'run-a' as run_id from range(50)")
    lake.rows("call ducklake_set_commit_message('lake', 'dbt', 'marts.candidates')")
    lake.rows("commit")
    return lake


def test_commits_of_lakefolio_and_dbt_are_their_own(filled: Lake) -> None:
    assert foreign_changes(filled) == ()


@pytest.mark.parametrize(
    ("change", "table"),
    [
        ("update lake.raw.bars set close = 2 where session_date = '2024-01-03'", "raw.bars"),
        ("delete from lake.marts.candidates", "marts.candidates"),
        ("insert into lake.marts.candidates values ('run-b')", "marts.candidates"),
        ("alter table lake.marts.candidates add column note varchar", "marts.candidates"),
        ("drop table lake.marts.candidates", "marts.candidates"),
        ("create or replace table lake.marts.candidates as select 1 as run_id", "marts.candidates"),
    ],
)
def test_a_change_by_another_program_is_named_until_it_is_acknowledged(filled: Lake, change: str, table: str) -> None:
    filled.rows(change)
    snapshot = filled.snapshot_id()
    assert foreign_changes(filled) == (ForeignChange(table, snapshot),)
    assert acknowledge_changes(filled) == snapshot
    assert foreign_changes(filled) == ()


def test_maintenance_is_no_change(filled: Lake) -> None:
    filled.rows("insert into lake.raw.fetches by name select 'x' as fetch_id where false")
    filled.rows("call ducklake_flush_inlined_data('lake')")
    filled.rows("call ducklake_merge_adjacent_files('lake')")
    assert foreign_changes(filled) == ()
