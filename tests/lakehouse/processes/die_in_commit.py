"""Commit once and be killed before the commit is acknowledged: HOME RUN_ID."""

from __future__ import annotations

import os
import signal
import sys

import polars as pl

from lakehouse.connection.catalog import Lake, LakeSettings
from lakehouse.paths import Paths
from lakehouse.storage import writes


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(home: str, run_id: str) -> None:
    frame = pl.DataFrame(
        {
            "run_id": [run_id],
            "stage": ["full"],
            "link": [0],
            "left_node": [0],
            "right_node": [1],
            "height": [0.5],
            "size": [2],
        }
    )
    with Lake.open(Paths.at(home), settings=LakeSettings(memory_limit="512MB", threads=1)) as lake:
        # Counting follows the commit, so the process dies between the two.
        writes.verify_counts = die
        writes.write(lake, writes.Write("results.cluster_links", frame), run_id=run_id, step="optimize")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
