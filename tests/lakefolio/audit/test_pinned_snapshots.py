"""Snapshots that a ledger names are collected, and `lake expire` keeps them."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from lakefolio.audit.pinned_snapshots import pinned_snapshots
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


def test_ledgers_pin_snapshots_at_any_depth_and_no_other_number(paths: Paths) -> None:
    assert pinned_snapshots(paths) == frozenset()
    record(paths, {"snapshot_read": 3, "seq": 99, "rows": {"raw.bars": 98}, "is_snapshot": True})
    record(paths, {"outputs": [{"snapshots": [5, {"written": 6}], "n": 97}], "Snapshot": None}, "run-b")
    assert pinned_snapshots(paths) == frozenset({3, 5, 6})


def test_the_expire_command_keeps_the_pinned_snapshots(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    record(paths, {"step": "optimize", "body": {"snapshots": {"read": 7, "written": [9]}}})
    requested: list[frozenset[int]] = []

    def expire(paths: Paths, keep: Collection[int], older_than: datetime) -> ExpireReport:
        requested.append(frozenset(keep))
        return ExpireReport((), tuple(keep), 0, is_dry_run=False)

    monkeypatch.setattr(lake_commands.commands, "expire", expire)
    lake_commands.look_after(paths, "expire", older_than=timedelta(days=1), destination=None)
    assert requested == [frozenset({7, 9})]


def test_a_ledger_that_cannot_be_read_stops_expiry(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = record(paths, {"snapshot_id": 3})
    ledger.write_text(ledger.read_text() + '{"snapshot_id": 4', encoding="utf-8")
    monkeypatch.setattr(lake_commands.commands, "expire", lambda *_, **__: pytest.fail("expired"))
    with pytest.raises(LakefolioError, match="line 2 is not JSON"):
        lake_commands.look_after(paths, "expire", older_than=timedelta(days=1), destination=None)
