"""Concurrent writers and killed writers leave only whole commits, among them every acknowledged one.

See docs/lake.md#3, 4.
"""

from __future__ import annotations

import random
import signal
import subprocess
from collections.abc import Callable

from lakehouse.connection.catalog import Lake, LakeSettings
from lakehouse.paths import Paths
from lakehouse.storage.row_counts import verify_counts
from lakehouse.storage.snapshots import find_commit, list_snapshots

Start = Callable[..., subprocess.Popen[str]]
LINKS = "results.cluster_links"


def finished(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=90)
    assert process.returncode == 0, err
    return out


def test_concurrent_writers_land_every_commit_and_the_lake_is_whole(
    start: Start, paths: Paths, settings: LakeSettings
) -> None:
    tables = (LINKS, LINKS, "results.regimes")
    # They also race to create the lake.
    running = [start("write_rows", table, f"run-{number}", "2", "25") for number, table in enumerate(tables)]
    outputs = [finished(process) for process in running]
    landed = [int(line.split()[2]) for out in outputs for line in out.splitlines() if line.startswith("landed")]
    assert len(landed) == len(set(landed)) == 6
    with Lake.open(paths, settings=settings, read_only=True) as lake:
        assert {count.table: count.scanned for count in verify_counts(lake, [LINKS, "results.regimes"])} == {
            LINKS: 100,
            "results.regimes": 50,
        }
        for number in range(3):
            for step in range(2):
                assert find_commit(lake, f"run-{number}", f"step-{step}") in landed
        assert len([snapshot for snapshot in list_snapshots(lake) if snapshot.run_id]) == 6


def test_a_writer_killed_at_any_moment_leaves_whole_commits_only(
    start: Start, lake: Lake, paths: Paths, settings: LakeSettings
) -> None:
    rng = random.Random(7)  # noqa: S311 - moments, not secrets
    lake.close()
    for attempt in range(2):
        run_id = f"killed-{attempt}"
        process = start("write_rows", LINKS, run_id, "400", "200")
        stdout = process.stdout
        assert stdout is not None
        lines = [stdout.readline() for _ in range(rng.randint(2, 5))]
        process.send_signal(signal.SIGKILL)
        lines += stdout.readlines()
        process.wait()
        assert process.returncode == -signal.SIGKILL
        with Lake.open(paths, settings=settings) as reopened:
            verify_counts(reopened, [LINKS], all_columns=True)
            commits = sum(1 for snapshot in list_snapshots(reopened) if snapshot.run_id == run_id)
            rows = reopened.rows(f"select count(*) from lake.{LINKS} where run_id = ?", [run_id])[0][0]  # noqa: S608
            assert rows == 200 * commits
            acknowledged = sum(line.startswith("landed") for line in lines)
            begun = sum(line.startswith("begin") for line in lines)
            assert acknowledged <= commits <= begun
    # The locks of a killed process are released: the next writer succeeds.
    assert "landed 0" in finished(start("write_rows", LINKS, "after", "1", "5"))


def test_a_resumed_step_finds_the_commit_that_was_not_acknowledged(
    start: Start, lake: Lake, paths: Paths, settings: LakeSettings
) -> None:
    lake.close()
    process = start("die_in_commit", "run-a")
    process.wait(timeout=60)
    assert process.returncode == -signal.SIGKILL
    with Lake.open(paths, settings=settings) as reopened:
        found = find_commit(reopened, "run-a", "optimize")
        assert found == reopened.snapshot_id()
        assert reopened.read(LINKS, at_snapshot=found).height == 1
        assert find_commit(reopened, "run-a", "tournament") is None
        assert find_commit(reopened, "run-b", "optimize") is None
