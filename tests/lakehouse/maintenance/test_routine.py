"""Maintenance finds what is due in the catalog, does it, and changes no snapshot that is kept.

See docs/lake.md#5.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import polars as pl
import pytest
from filelock import FileLock

from lakehouse.connection.catalog import Lake, LakeSettings
from lakehouse.errors import LockHeldError
from lakehouse.maintenance import tasks
from lakehouse.maintenance.routine import Due, Limits, due, inlined_rows, maintain
from lakehouse.maintenance.sizes import expirable, table_sizes
from lakehouse.paths import Paths
from lakehouse.storage.hashing import content_hash
from lakehouse.storage.snapshots import list_snapshots
from lakehouse.storage.writes import Write, write

FEW = Limits(snapshots=3, small_files=4, inlined_rows=5)
NOW = timedelta(0)


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch, settings: LakeSettings) -> None:
    monkeypatch.setattr(tasks, "_SETTINGS", settings)


@pytest.fixture
def daily(lake: Lake, paths: Paths, bars: Callable[..., pl.DataFrame]) -> tuple[Paths, list[int]]:
    """A lake to which each of six days adds a file, and its last ones a few rows in the catalog; with its snapshots."""
    days = [
        write(lake, Write("raw.bars", bars(30, first=30 * day), "upsert"), run_id="run-a", step=f"s{day}").snapshot_id
        for day in range(6)
    ]
    days += [
        write(lake, Write("raw.bars", bars(3, f"TEST:{name}")), run_id="run-a", step=name.lower()).snapshot_id
        for name in ("FEW", "MORE")
    ]
    lake.close()
    return paths, days


def test_nothing_is_due_below_the_limits(daily: tuple[Paths, list[int]], settings: LakeSettings) -> None:
    paths, days = daily
    with Lake.open(paths, settings=settings) as lake:
        found = due(lake, days, Limits())
        assert (found.merged, found.flushed) == ((), ())
        assert not found.is_enough(Limits())
        assert due(lake, days, FEW) == Due(found.snapshots, (("raw", "bars"),), (("raw", "bars"),))
        assert days[-1] not in due(lake, [], FEW).snapshots


def test_a_kept_snapshot_reads_as_before_and_the_others_are_gone(
    daily: tuple[Paths, list[int]], settings: LakeSettings
) -> None:
    paths, days = daily
    keep = frozenset({days[2], days[-1]})
    with Lake.open(paths, settings=settings) as lake:
        before = {number: content_hash(lake.read("raw.bars", at_snapshot=number)) for number in keep}
        removable = expirable(lake, keep)
        assert {size.table: size.n_rows for size in table_sizes(lake)}["raw.bars"] == 186
    report = maintain(paths, keep, FEW, NOW, 0.0)
    assert report.n_expired == removable.n_snapshots == len(days) - 2 + 2
    assert (report.n_tables_merged, report.n_tables_flushed) == (1, 1)
    with Lake.open(paths, settings=settings) as lake:
        assert {number: content_hash(lake.read("raw.bars", at_snapshot=number)) for number in keep} == before
        assert keep <= {snapshot.snapshot_id for snapshot in list_snapshots(lake)}
        assert not set(days) - keep & {snapshot.snapshot_id for snapshot in list_snapshots(lake)}
        assert inlined_rows(lake) == {}
        assert not due(lake, keep, FEW).merged
    assert tasks.verify(paths)
    assert paths.data_dir is not None
    assert len(list((paths.data_dir / "raw" / "bars").glob("*.parquet"))) < len(days)


def test_young_files_stay(daily: tuple[Paths, list[int]]) -> None:
    paths, days = daily
    assert paths.data_dir is not None
    before = set(paths.data_dir.rglob("*.parquet"))
    assert maintain(paths, frozenset(days), FEW, timedelta(days=1), 0.0).n_files_deleted == 0
    assert before <= set(paths.data_dir.rglob("*.parquet"))


def test_a_lake_that_another_process_writes_is_left_alone(daily: tuple[Paths, list[int]]) -> None:
    paths, days = daily
    with FileLock(paths.table_lock("raw.bars")), pytest.raises(LockHeldError, match=r"raw\.bars"):
        maintain(paths, frozenset(days), FEW, NOW, 0.0)


def test_a_file_with_many_deleted_rows_is_written_again(
    lake: Lake, paths: Paths, settings: LakeSettings, bars: Callable[..., pl.DataFrame]
) -> None:
    write(lake, Write("raw.bars", bars(60)), run_id="run-a", step="land")
    for n_deleted, is_due in ((20, False), (40, True)):
        keys = bars(n_deleted).select("symbol", "interval", "session_date", "source")
        write(lake, Write("raw.bars", keys, "delete"), run_id="run-a", step=f"s{n_deleted}")
        assert (due(lake, [], FEW).merged == (("raw", "bars"),)) is is_due
    lake.close()
    maintain(paths, frozenset(), FEW, NOW, 0.0)
    with Lake.open(paths, settings=settings) as opened:
        found = opened.rows(
            "select record_count from __ducklake_metadata_lake.ducklake_data_file where end_snapshot is null"
        )
        assert (20,) in found
        assert (60,) not in found
        assert opened.read("raw.bars").height == 20
