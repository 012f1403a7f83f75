"""Snapshots that a ledger names are collected, and `lake expire` keeps them."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from lakefolio.audit.pinned_snapshots import pinned_snapshots, pins
from lakefolio.cli import lake_commands
from lakefolio.errors import LakefolioError
from lakehouse.maintenance.tasks import ExpireReport
from lakehouse.paths import Paths


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths.at(tmp_path)


def record(paths: Paths, entry: object, run_id: str = "run-a") -> Path:
    """Append an entry to the ledger of a run."""
    ledger = paths.run_file(run_id, "audit.jsonl")
    ledger.parent.mkdir(parents=True, exist_ok=True)
    with ledger.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(entry) + "\n")
    return ledger


def test_each_ledger_pins_the_newest_snapshot_of_its_last_line_that_names_one(paths: Paths) -> None:
    assert pinned_snapshots(paths) == frozenset()
    record(paths, {"snapshot_read": 8, "seq": 99, "rows": {"raw.bars": 98}})
    record(paths, {"body": {"snapshot_read": 3, "snapshots": [{"written": 6}]}, "n": 97})
    record(paths, {"kind": "artifact", "is_snapshot": True, "n": 96})
    record(paths, {"snapshot_written": 9}, "run-b")
    record(paths, {"kind": "environment", "n": 95}, "run-c")
    assert pins(paths) == {"run-a": 6, "run-b": 9}
    record(paths, {"kind": "pin", "body": {"snapshot": 12}}, "run-b")
    assert pinned_snapshots(paths) == frozenset({6, 12})


def test_the_expire_command_keeps_the_pinned_snapshots(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    record(paths, {"step": "optimize", "body": {"snapshots": {"read": 7, "written": [9]}}})
    requested: list[frozenset[int]] = []

    def expire(paths: Paths, keep: Collection[int], older_than: datetime) -> ExpireReport:
        requested.append(frozenset(keep))
        return ExpireReport((), tuple(keep), 0, is_dry_run=False)

    monkeypatch.setattr(lake_commands.commands, "expire", expire)
    lake_commands.maintain(paths, "expire", older_than=timedelta(days=1), folder=None)
    assert requested == [frozenset({9})]


def test_a_ledger_that_cannot_be_read_stops_expiry(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = record(paths, {"snapshot_id": 3})
    ledger.write_text(ledger.read_text() + '{"snapshot_id": 4', encoding="utf-8")
    monkeypatch.setattr(lake_commands.commands, "expire", lambda *_, **__: pytest.fail("expired"))
    with pytest.raises(LakefolioError, match="line 2 of the ledger of run run-a is not JSON"):
        lake_commands.maintain(paths, "expire", older_than=timedelta(days=1), folder=None)
