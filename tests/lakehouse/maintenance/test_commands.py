"""Each maintenance task runs in its own process, and its errors reach the caller."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from lakehouse.errors import LakeMissingError, MaintenanceError
from lakehouse.maintenance import commands, migration, tasks
from lakehouse.paths import Paths

FAR = datetime(2100, 1, 1)  # noqa: DTZ001 - later than any commit


def test_every_command_goes_through_a_process_of_its_own(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[object, ...]] = []
    monkeypatch.setattr(commands, "_in_own_process", lambda *call: sent.append(call))
    commands.compact(paths)
    commands.expire(paths, keep=[1, 1, 2], older_than=FAR)
    commands.backup(paths)
    commands.restore(paths, tmp_path)
    commands.create(paths)
    commands.migrate(paths)
    commands.verify_counts(paths)
    assert sent == [
        (tasks.compact, paths),
        (tasks.expire, paths, frozenset({1, 2}), FAR, timedelta(days=1), False),
        (tasks.backup, paths, None),
        (tasks.restore, paths, tmp_path),
        (tasks.create, paths),
        (migration.migrate, paths),
        (tasks.verify, paths),
    ]


def test_a_refusal_comes_back_from_the_other_process(paths: Paths) -> None:
    with pytest.raises(LakeMissingError, match="there is no lake"):
        commands.verify_counts(paths)


def test_a_process_that_dies_is_an_error(paths: Paths) -> None:
    with pytest.raises(MaintenanceError, match="ended without a report"):
        commands._in_own_process(os._exit, 9)
