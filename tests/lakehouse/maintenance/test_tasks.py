"""Maintenance changes no snapshot that is kept, and verification finds damage.

See docs/lake.md#5, 6.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
from filelock import FileLock

from lakehouse.connection.catalog import Lake, LakeSettings
from lakehouse.errors import LakeDamagedError, LakeMissingError, LockHeldError, MaintenanceError
from lakehouse.maintenance import tasks
from lakehouse.paths import Paths
from lakehouse.storage.hashing import content_hash
from lakehouse.storage.row_counts import base_tables, count_table
from lakehouse.storage.snapshots import list_snapshots
from lakehouse.storage.writes import Write, write

Make = Callable[..., pl.DataFrame]
FAR = datetime(2100, 1, 1)  # noqa: DTZ001 - later than any commit
NOW = timedelta(0)
SETTINGS = LakeSettings(memory_limit="1GB", threads=1)


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "_SETTINGS", SETTINGS)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory, extensions: Path, bars: Make) -> Paths:
    """A lake with files, inlined rows, deleted and changed rows; tests copy it."""
    root = tmp_path_factory.mktemp("history")
    catalog, data = root / "data" / "lakehouse" / "catalog.sqlite", root / "data" / "lakehouse" / "files"
    paths = replace(Paths.at(root), catalog=f"sqlite:{catalog}", data=str(data), extensions=extensions)
    with Lake.open(paths, settings=SETTINGS) as lake:
        for number in range(4):
            frame = bars(60, first=40 * number, close=float(number))
            write(lake, Write("raw.bars", frame, "upsert"), run_id="run-a", step=f"s{number}")
        write(lake, Write("raw.bars", bars(2, "TEST:FEW")), run_id="run-a", step="few")
        keys = bars(9).select("symbol", "interval", "session_date", "source")
        write(lake, Write("raw.bars", keys, "delete"), run_id="run-a", step="fewer")
    return paths


@pytest.fixture
def used(history: Paths, paths: Paths, copy_home: Callable[[Paths, Paths], None]) -> Paths:
    copy_home(history, paths)
    return paths


def bars_by_snapshot(paths: Paths) -> dict[int, str]:
    """Hash the bars of each snapshot that a run committed."""
    with Lake.open(paths, read_only=True, settings=SETTINGS) as lake:
        return {
            found.snapshot_id: content_hash(lake.read("raw.bars", at_snapshot=found.snapshot_id))
            for found in list_snapshots(lake)
            if found.run_id
        }


def test_compaction_changes_files_and_no_snapshot(used: Paths) -> None:
    before = bars_by_snapshot(used)
    report = tasks.compact(used)
    after = bars_by_snapshot(used)
    assert report.rows_flushed == 2
    assert len(before) == 6
    assert {number: after[number] for number in before} == before


def test_expiry_keeps_the_requested_snapshots_and_no_others(used: Paths) -> None:
    before = bars_by_snapshot(used)
    numbers = sorted(before)
    keep = frozenset(numbers[:3])
    planned = tasks.expire(used, keep, FAR, NOW, True)
    assert bars_by_snapshot(used).keys() >= before.keys()
    report = tasks.expire(used, keep, FAR, NOW, False)
    assert planned.expired == report.expired
    assert set(report.kept) >= set(numbers[:3])
    assert {numbers[3], numbers[4]} <= set(report.expired)
    after = bars_by_snapshot(used)
    assert {number: after[number] for number in numbers[:3]} == {number: before[number] for number in numbers[:3]}
    assert not {numbers[3], numbers[4]} & after.keys()


def test_expiry_leaves_young_snapshots_and_always_the_newest(used: Paths) -> None:
    before = bars_by_snapshot(used)
    young = tasks.expire(used, frozenset(), datetime(2000, 1, 1), NOW, False)  # noqa: DTZ001
    assert young.expired == ()
    assert bars_by_snapshot(used) == before
    tasks.expire(used, frozenset(), FAR, NOW, False)
    assert bars_by_snapshot(used) == {max(before): before[max(before)]}


def test_files_that_only_expired_snapshots_needed_are_deleted(used: Paths, settings: LakeSettings) -> None:
    with Lake.open(used, settings=settings) as lake:
        lake.rows("delete from lake.raw.bars where symbol = 'TEST:AAA'")
    assert used.data_dir is not None
    orphan = used.data_dir / "raw" / "bars" / "ducklake-left-by-a-killed-writer.parquet"
    orphan.write_bytes(b"half")
    before = len(list(used.data_dir.rglob("*.parquet")))
    report = tasks.expire(used, frozenset(), FAR, NOW, False)
    assert not orphan.exists()
    assert report.files_deleted == before - len(list(used.data_dir.rglob("*.parquet"))) > 1


def test_maintenance_waits_for_writers_and_then_names_the_locked_table(
    used: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "LOCK_SECONDS", 0.1)
    for name in ("raw.bars", "dbt"):
        with FileLock(used.table_lock(name)), pytest.raises(LockHeldError, match=name):
            tasks.verify(used)
    assert tasks.verify(used)


def test_counts_are_verified_for_every_table(used: Paths, settings: LakeSettings) -> None:
    counts = {count.table: count for count in tasks.verify(used)}
    with Lake.open(used, settings=settings) as lake:
        assert tuple(sorted(counts)) == base_tables(lake)
    assert counts["raw.bars"].promised == counts["raw.bars"].scanned == 180 + 2 - 9


def biggest(paths: Paths) -> Path:
    assert paths.data_dir is not None
    return max(paths.data_dir.rglob("*[!e].parquet"), key=lambda path: path.stat().st_size)


def test_verification_sees_a_file_that_lost_rows(used: Paths, settings: LakeSettings) -> None:
    file = biggest(used)
    fewer = file.with_suffix(".new")
    duckdb.execute(f"copy (from read_parquet('{file}') limit 50) to '{fewer}' (format parquet)")
    fewer.replace(file)
    with pytest.raises(LakeDamagedError, match="the catalog records"):
        tasks.verify(used)
    # The scan after each commit finds it as well.
    with Lake.open(used, settings=settings) as lake:
        count = count_table(lake, "raw.bars")
    assert not count.is_whole
    assert count.scanned < count.promised


def test_verification_sees_a_file_that_is_missing(used: Paths, settings: LakeSettings, bars: Make) -> None:
    biggest(used).unlink()
    with pytest.raises(LakeDamagedError, match="is missing"):
        tasks.verify(used)
    with (
        Lake.open(used, settings=settings) as lake,
        pytest.raises(LakeDamagedError, match=r"a file of raw\.bars cannot be read"),
    ):
        write(lake, Write("raw.bars", bars(20, "TEST:NEW")), run_id="run-a", step="next")


def test_a_backup_restores_every_snapshot_into_an_empty_home(used: Paths, tmp_path: Path) -> None:
    before = bars_by_snapshot(used)
    report = tasks.backup(used, tmp_path / "copy")
    assert report.snapshot_id == max(before)
    assert report.n_files == len(list((tmp_path / "copy" / "files").rglob("*.parquet"))) > 0
    home = Paths.at(tmp_path / "other")
    assert tasks.restore(home, tmp_path / "copy") == max(before)
    with pytest.raises(MaintenanceError, match="there is a lake"):
        tasks.restore(home, report.folder)
    shutil.rmtree(tmp_path / "copy")
    assert bars_by_snapshot(home) == before == bars_by_snapshot(used)
    with pytest.raises(MaintenanceError, match="holds no backup"):
        tasks.restore(Paths.at(tmp_path / "third"), report.folder)


def test_a_backup_of_a_damaged_lake_is_refused_and_leaves_nothing(used: Paths, tmp_path: Path) -> None:
    biggest(used).unlink()
    with pytest.raises(LakeDamagedError):
        tasks.backup(used, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_backup_goes_into_a_folder_of_its_own(used: Paths, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "note.txt").write_text("mine")
    with pytest.raises(MaintenanceError, match="not empty"):
        tasks.backup(used, tmp_path / "full")
    with pytest.raises(MaintenanceError, match="inside the data folder"):
        tasks.backup(used, Path(used.data) / "copy")
    with pytest.raises(MaintenanceError, match="pg_dump"):
        tasks.backup(replace(used, catalog="postgres:dbname=x"), tmp_path / "copy")


def test_a_moved_home_is_read_and_written_where_it_stands(
    used: Paths, settings: LakeSettings, tmp_path: Path, bars: Make
) -> None:
    before = bars_by_snapshot(used)
    used.root.rename(tmp_path / "moved")
    moved = Paths.at(tmp_path / "moved")
    assert bars_by_snapshot(moved) == before
    with Lake.open(moved, settings=settings) as lake:
        write(lake, Write("raw.bars", bars(20, "TEST:NEW")), run_id="run-a", step="next")
    assert tasks.verify(moved)
    assert not used.root.exists()


def test_a_plain_attach_works_in_the_folder_of_a_moved_home(
    used: Paths, settings: LakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used.root.rename(tmp_path / "moved")
    moved = Paths.at(tmp_path / "moved")
    Lake.open(moved, settings=settings).close()
    monkeypatch.chdir(moved.root)
    with duckdb.connect(config={"extension_directory": str(moved.extensions)}) as plain:
        plain.execute("load ducklake; load sqlite_scanner")
        plain.execute("attach 'ducklake:sqlite:data/lakehouse/catalog.sqlite' as lake (read_only)")
        found = plain.execute("select count(*), count(close) from lake.raw.bars where close >= 0").fetchone()
    assert found == (173, 173)


def test_data_files_without_a_catalog_are_refused_until_a_lake_is_restored_or_created(
    used: Paths, settings: LakeSettings, tmp_path: Path
) -> None:
    before = bars_by_snapshot(used)
    tasks.backup(used, tmp_path / "copy")
    assert used.catalog_file is not None
    for empty in (False, True):
        for beside in used.catalog_file.parent.glob("catalog.sqlite*"):
            beside.unlink()
        if empty:
            used.catalog_file.touch()
        for read_only in (True, False):
            with pytest.raises(LakeMissingError, match=r"lake restore --from FOLDER.*lake create"):
                Lake.open(used, settings=settings, read_only=read_only)
    assert tasks.restore(used, tmp_path / "copy") == max(before)
    assert bars_by_snapshot(used) == before
    with pytest.raises(MaintenanceError, match="there is a lake"):
        tasks.create(used)
    used.catalog_file.unlink()
    tasks.create(used)
    assert bars_by_snapshot(used) == {}
    assert used.data_dir is not None
    assert len(list(used.data_dir.parent.glob("files-without-catalog-*/raw/bars/*.parquet"))) > 0
