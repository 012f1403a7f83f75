"""A run begins on a lake that no other program changed, and keeps it small."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from lakefolio.errors import ForeignChangeError
from lakefolio.runs import lake_maintenance
from lakefolio.runs.progress import Reporter
from lakefolio.runs.run import Run
from lakefolio.runs.start import RunRequest, new_run
from lakefolio.steps.setup import cleanup
from lakehouse.maintenance.routine import Limits
from lakehouse.paths import Paths
from lakehouse.storage.foreign_changes import acknowledge_changes
from lakehouse.storage.snapshots import list_snapshots


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """A run on a lake with winners of a run and a mart that dbt built."""
    started = new_run(Paths.at(tmp_path / "home"), RunRequest("demo"), Reporter())
    commit(started, "create table lake.marts.bars_daily as select range as close from range(30)", "dbt")
    commit(started, "insert into lake.scope.winners select 'run-a', 'TEST:' || range from range(30)", "lakefolio")
    yield started
    started.close()


def commit(run: Run, statement: str, author: str) -> int:
    """Commit a statement under the name of an author; returns the snapshot."""
    for sql in ("begin", statement, f"call ducklake_set_commit_message('lake', '{author}', 'test')", "commit"):
        run.lake.rows(sql)
    return run.lake.snapshot_id()


def test_facts_that_another_program_changed_are_emptied_and_named_once(run: Run) -> None:
    run.lake.rows("update lake.marts.bars_daily set close = -1 where close = 3")
    assert cleanup(run).note == "changed by hand and built again: marts.bars_daily"
    assert run.lake.read("marts.bars_daily").is_empty()
    assert cleanup(run).note == ""


def test_tables_of_record_are_refused_with_the_snapshot_until_the_change_is_acknowledged(run: Run) -> None:
    run.lake.rows("create table lake.main.notes as select 'my own' as note")
    run.lake.rows("insert into lake.main.notes values ('no table of lakefolio')")
    assert cleanup(run).note == ""
    run.lake.rows("delete from lake.scope.winners where symbol = 'TEST:3'")
    snapshot = run.lake.snapshot_id()
    for _ in range(2):
        with pytest.raises(ForeignChangeError, match=rf"scope\.winners \(snapshot {snapshot}\).*lake acknowledge"):
            cleanup(run)
    acknowledge_changes(run.lake)
    assert cleanup(run).note == ""


def test_snapshots_that_no_ledger_pins_expire_where_it_is_due(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pinned = run.lake.snapshot_id()
    ledger = run.paths.run_file("run-a", "audit.jsonl")
    ledger.parent.mkdir(parents=True)
    ledger.write_text(json.dumps({"kind": "pin", "body": {"snapshot": pinned}}) + "\n", encoding="utf-8")
    for _ in range(4):
        commit(run, "insert into lake.marts.bars_daily values (7)", "dbt")
    newest = run.lake.snapshot_id()
    assert cleanup(run).note == ""
    monkeypatch.setattr(lake_maintenance, "_LIMITS", Limits(snapshots=3))
    assert cleanup(run).note == f"{newest - 1} snapshots expired, 0 tables merged"
    assert {snapshot.snapshot_id for snapshot in list_snapshots(run.lake)} == {pinned, newest}


def test_a_lake_that_is_written_or_that_others_may_share_is_left_alone(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lake_maintenance, "_LIMITS", Limits(snapshots=0))
    with FileLock(run.paths.table_lock("raw.bars")):
        assert cleanup(run).note == ""
    assert "the lake was not maintained: another process has locked raw.bars" in caplog.text
    (run.paths.run_dir("run-b")).mkdir(parents=True)
    (run.paths.run_dir("run-b") / "audit.jsonl").write_text("{", encoding="utf-8")
    assert cleanup(run).note == ""
    assert "line 1 of the ledger of run run-b is not JSON" in caplog.text
    run.paths = replace(run.paths, catalog=f"sqlite:{tmp_path / 'shared' / 'catalog.sqlite'}")
    caplog.clear()
    assert lake_maintenance.maintain_lake(run) == ""
    assert caplog.text == ""
