"""Several processes, and processes that die: acknowledged commits stand, and none stands by half.

See docs/lake.md#3, 4.
"""

from __future__ import annotations

import random
import signal
import subprocess
from collections.abc import Callable

import duckdb
import pytest

from lakehouse.connection.catalog import Lake, LakeSettings
from lakehouse.connection.retries import is_contention
from lakehouse.paths import Paths
from lakehouse.storage.row_counts import verify_counts
from lakehouse.storage.snapshots import find_commit, list_snapshots

Start = Callable[..., subprocess.Popen[str]]
LINKS = "results.cluster_links"


def finished(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=90)
    assert process.returncode == 0, err
    return out


def test_four_writers_land_every_commit_and_the_lake_is_whole(
    start: Start, paths: Paths, settings: LakeSettings
) -> None:
    tables = (LINKS, LINKS, "results.regimes", "results.clusters")
    # They also race to create the lake.
    running = [start("write_rows", table, f"run-{number}", "3", "25") for number, table in enumerate(tables)]
    said = [finished(process) for process in running]
    landed = [int(line.split()[2]) for out in said for line in out.splitlines() if line.startswith("landed")]
    assert len(landed) == len(set(landed)) == 12
    with Lake.open(paths, settings=settings, read_only=True) as lake:
        assert {count.table: count.scanned for count in verify_counts(lake) if count.scanned} == {
            LINKS: 150,
            "results.regimes": 75,
            "results.clusters": 75,
        }
        for number in range(4):
            for step in range(3):
                assert find_commit(lake, f"run-{number}", f"step-{step}") in landed
        assert len([snapshot for snapshot in list_snapshots(lake) if snapshot.run_id]) == 12


def test_a_writer_killed_at_any_moment_leaves_whole_commits_only(
    start: Start, paths: Paths, settings: LakeSettings
) -> None:
    rng = random.Random(7)  # noqa: S311 - moments, not secrets
    Lake.open(paths, settings=settings).close()
    for attempt in range(2):
        run_id = f"killed-{attempt}"
        process = start("write_rows", LINKS, run_id, "400", "200")
        stdout = process.stdout
        assert stdout is not None
        heard = [stdout.readline() for _ in range(rng.randint(2, 9))]
        process.send_signal(signal.SIGKILL)
        heard += stdout.readlines()
        process.wait()
        assert process.returncode == -signal.SIGKILL
        with Lake.open(paths, settings=settings) as lake:
            verify_counts(lake, all_columns=True)
            commits = sum(1 for snapshot in list_snapshots(lake) if snapshot.run_id == run_id)
            rows = lake.rows(f"select count(*) from lake.{LINKS} where run_id = ?", [run_id])[0][0]  # noqa: S608
            assert rows == 200 * commits
            acknowledged = sum(line.startswith("landed") for line in heard)
            begun = sum(line.startswith("begin") for line in heard)
            assert acknowledged <= commits <= begun
    # Locks die with their holder: the next writer gets through.
    assert "landed 0" in finished(start("write_rows", LINKS, "after", "1", "5"))


def test_a_resumed_step_finds_the_commit_that_nobody_acknowledged(
    start: Start, paths: Paths, settings: LakeSettings
) -> None:
    process = start("die_in_commit", "run-a")
    process.wait(timeout=60)
    assert process.returncode == -signal.SIGKILL
    with Lake.open(paths, settings=settings) as lake:
        found = find_commit(lake, "run-a", "optimize")
        assert found == lake.snapshot_id()
        assert lake.read(LINKS, at_snapshot=found).height == 1
        assert find_commit(lake, "run-a", "tournament") is None
        assert find_commit(lake, "run-b", "optimize") is None


@pytest.mark.parametrize("message", ["no such file", "Constraint Error: NOT NULL constraint failed", "syntax error"])
def test_mistakes_are_not_taken_for_contention(message: str) -> None:
    assert not is_contention(duckdb.IOException(message))
    assert is_contention(duckdb.IOException(f"{message}: database is locked"))
    assert not is_contention(ValueError("database is locked"))
