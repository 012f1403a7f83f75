"""Housekeeping never changes what a snapshot says, and damage does not stay unseen.

See docs/lake.md#5, 6.
"""

from __future__ import annotations

import json
import os
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
from lakehouse.errors import LakeDamagedError, LakeMismatchError, LakeMissingError, LockHeldError, MaintenanceError
from lakehouse.maintenance import commands as maintenance
from lakehouse.maintenance import tasks as _upkeep
from lakehouse.maintenance.ledgers import snapshots_in_ledgers
from lakehouse.paths import Paths
from lakehouse.storage.hashing import content_hash
from lakehouse.storage.row_counts import base_tables, count_table
from lakehouse.storage.snapshots import list_snapshots
from lakehouse.storage.writes import Write, write

Make = Callable[..., pl.DataFrame]
FAR = datetime(2100, 1, 1)  # noqa: DTZ001 - later than any commit
NOW = timedelta(0)


@pytest.fixture
def used(paths: Paths, settings: LakeSettings, bars: Make) -> Paths:
    """A lake with a history: files, inlined rows, deleted and changed rows."""
    with Lake.open(paths, settings=settings) as lake:
        for number in range(4):
            frame = bars(60, first=40 * number, close=float(number))
            write(lake, Write("raw.bars", frame, "upsert"), run_id="run-a", step=f"s{number}")
        write(lake, Write("raw.bars", bars(2, "TEST:FEW")), run_id="run-a", step="few")
        keys = bars(9).select("symbol", "interval", "session_date", "source")
        write(lake, Write("raw.bars", keys, "delete"), run_id="run-a", step="fewer")
    return paths


def said(paths: Paths) -> dict[int, str]:
    """Hash what each snapshot says about the bars."""
    with Lake.open(paths, read_only=True, settings=LakeSettings(memory_limit="1GB", threads=1)) as lake:
        return {
            found.snapshot_id: content_hash(lake.read("raw.bars", at_snapshot=found.snapshot_id))
            for found in list_snapshots(lake)
            if found.run_id
        }


def name_in_a_ledger(paths: Paths, record: object, run_id: str = "run-a") -> Path:
    ledger = paths.run_file(run_id, "audit.jsonl")
    ledger.parent.mkdir(parents=True, exist_ok=True)
    with ledger.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(record) + "\n")
    return ledger


def test_compaction_changes_files_and_no_snapshot(used: Paths) -> None:
    before = said(used)
    report = maintenance.compact(used)  # here in the process of its own that callers always get
    after = said(used)
    assert report.rows_flushed == 2
    assert len(before) == 6
    assert {number: after[number] for number in before} == before


def test_expiry_keeps_what_is_named_and_forgets_the_rest(used: Paths) -> None:
    before = said(used)
    numbers = sorted(before)
    name_in_a_ledger(used, {"step": "optimize", "body": {"snapshots": {"read": numbers[0], "written": [numbers[2]]}}})
    planned = _upkeep.expire(used, frozenset({numbers[1]}), FAR, NOW, True)
    assert said(used).keys() >= before.keys()
    report = _upkeep.expire(used, frozenset({numbers[1]}), FAR, NOW, False)
    assert planned.expired == report.expired
    assert set(report.kept) >= set(numbers[:3])
    assert {numbers[3], numbers[4]} <= set(report.expired)
    after = said(used)
    assert {number: after[number] for number in numbers[:3]} == {number: before[number] for number in numbers[:3]}
    assert not {numbers[3], numbers[4]} & after.keys()


def test_expiry_leaves_young_snapshots_and_always_the_newest(used: Paths) -> None:
    before = said(used)
    young = _upkeep.expire(used, frozenset(), datetime(2000, 1, 1), NOW, False)  # noqa: DTZ001
    assert young.expired == ()
    assert said(used) == before
    _upkeep.expire(used, frozenset(), FAR, NOW, False)
    assert said(used) == {max(before): before[max(before)]}


def test_files_that_only_expired_snapshots_needed_are_deleted(used: Paths, settings: LakeSettings) -> None:
    with Lake.open(used, settings=settings) as lake:
        lake.rows("delete from lake.raw.bars where symbol = 'TEST:AAA'")
    assert used.data_dir is not None
    orphan = used.data_dir / "raw" / "bars" / "ducklake-left-by-a-killed-writer.parquet"
    orphan.write_bytes(b"half")
    before = len(list(used.data_dir.rglob("*.parquet")))
    report = _upkeep.expire(used, frozenset(), FAR, NOW, False)
    assert not orphan.exists()
    assert report.files_deleted == before - len(list(used.data_dir.rglob("*.parquet"))) > 1


def test_a_ledger_that_cannot_be_read_stops_expiry(used: Paths) -> None:
    ledger = name_in_a_ledger(used, {"snapshot_id": 3})
    ledger.write_text(ledger.read_text() + '{"snapshot_id": 4', encoding="utf-8")
    with pytest.raises(MaintenanceError, match="line 2 is not JSON"):
        _upkeep.expire(used, frozenset(), FAR, NOW, False)
    assert len(said(used)) == 6


def test_ledgers_name_snapshots_at_any_depth_and_nothing_else(paths: Paths) -> None:
    assert snapshots_in_ledgers(paths) == frozenset()
    name_in_a_ledger(paths, {"snapshot_read": 3, "seq": 99, "rows": {"raw.bars": 98}, "is_snapshot": True})
    name_in_a_ledger(paths, {"outputs": [{"snapshots": [5, {"written": 6}], "n": 97}], "Snapshot": None}, "run-b")
    assert snapshots_in_ledgers(paths) == frozenset({3, 5, 6})


def test_maintenance_waits_for_writers_and_then_says_who_holds_the_lake(
    used: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_upkeep, "LOCK_SECONDS", 0.1)
    for name in ("raw.bars", "dbt"):
        with FileLock(used.table_lock(name)), pytest.raises(LockHeldError, match=name):
            _upkeep.verify(used)
    assert _upkeep.verify(used)


def test_counts_are_verified_for_every_table(used: Paths, settings: LakeSettings) -> None:
    counts = {count.table: count for count in _upkeep.verify(used)}
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
    with pytest.raises(LakeDamagedError, match="the catalog says"):
        _upkeep.verify(used)
    # The scan alone sees it too: that is what follows every commit.
    with Lake.open(used, settings=settings) as lake:
        count = count_table(lake, "raw.bars")
    assert not count.is_whole
    assert count.scanned < count.promised


def test_verification_sees_a_file_that_is_gone(used: Paths, settings: LakeSettings, bars: Make) -> None:
    biggest(used).unlink()
    with pytest.raises(LakeDamagedError, match="is gone"):
        _upkeep.verify(used)
    with (
        Lake.open(used, settings=settings) as lake,
        pytest.raises(LakeDamagedError, match=r"met a file of raw\.bars that cannot be read"),
    ):
        write(lake, Write("raw.bars", bars(20, "TEST:NEW")), run_id="run-a", step="next")


def test_a_backup_restores_every_snapshot_into_an_empty_home(used: Paths, tmp_path: Path) -> None:
    before = said(used)
    report = _upkeep.backup(used, tmp_path / "copy")
    assert report.snapshot_id == max(before)
    assert report.n_files == len(list((tmp_path / "copy" / "files").rglob("*.parquet"))) > 0
    home = Paths.at(tmp_path / "other")
    assert _upkeep.restore(home, tmp_path / "copy") == max(before)
    with pytest.raises(MaintenanceError, match="already stands"):
        _upkeep.restore(home, report.folder)
    shutil.rmtree(tmp_path / "copy")
    assert said(home) == before == said(used)
    with pytest.raises(MaintenanceError, match="holds no backup"):
        _upkeep.restore(Paths.at(tmp_path / "third"), report.folder)


def test_a_backup_of_a_damaged_lake_is_refused_and_leaves_nothing(used: Paths, tmp_path: Path) -> None:
    biggest(used).unlink()
    with pytest.raises(LakeDamagedError):
        _upkeep.backup(used, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_backup_goes_into_a_folder_of_its_own(used: Paths, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "note.txt").write_text("mine")
    with pytest.raises(MaintenanceError, match="not empty"):
        _upkeep.backup(used, tmp_path / "full")
    with pytest.raises(MaintenanceError, match="inside the data folder"):
        _upkeep.backup(used, Path(used.data) / "copy")
    with pytest.raises(MaintenanceError, match="pg_dump"):
        _upkeep.backup(replace(used, catalog="postgres:dbname=x"), tmp_path / "copy")


def test_a_moved_home_is_refused_until_the_catalog_is_told(used: Paths, settings: LakeSettings, tmp_path: Path) -> None:
    before = said(used)
    used.root.rename(tmp_path / "moved")
    moved = Paths.at(tmp_path / "moved")
    with pytest.raises(LakeMismatchError, match="relocate"):
        Lake.open(moved, settings=settings)
    assert _upkeep.relocate(moved) == f"{used.data}/"
    assert said(moved) == before


def test_every_command_goes_through_a_process_of_its_own(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[object, ...]] = []
    monkeypatch.setattr(maintenance, "_in_own_process", lambda *call: sent.append(call))
    maintenance.compact(paths)
    maintenance.expire(paths, keep=[1, 1, 2], older_than=FAR)
    maintenance.backup(paths)
    maintenance.restore(paths, tmp_path)
    maintenance.relocate(paths)
    maintenance.verify_counts(paths)
    assert sent == [
        (_upkeep.compact, paths),
        (_upkeep.expire, paths, frozenset({1, 2}), FAR, timedelta(days=1), False),
        (_upkeep.backup, paths, None),
        (_upkeep.restore, paths, tmp_path),
        (_upkeep.relocate, paths),
        (_upkeep.verify, paths),
    ]


def test_a_refusal_comes_back_from_the_other_process(paths: Paths) -> None:
    with pytest.raises(LakeMissingError, match="there is no lake"):
        maintenance.verify_counts(paths)


def test_a_process_that_dies_is_an_error_and_not_silence(paths: Paths) -> None:
    with pytest.raises(MaintenanceError, match="died"):
        maintenance._in_own_process(os._exit, 9)
