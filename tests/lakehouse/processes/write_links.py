"""Commit cluster links one transaction at a time, and say each snapshot: HOME RUN_ID COMMITS ROWS."""

from __future__ import annotations

import sys

import polars as pl

from lakehouse.catalog import Lake, LakeSettings
from lakehouse.paths import Paths
from lakehouse.writes import Write, write


def main(home: str, run_id: str, commits: int, rows: int) -> None:
    with Lake.open(Paths.at(home), settings=LakeSettings(memory_limit="512MB", threads=1)) as lake:
        for number in range(commits):
            frame = pl.DataFrame(
                {
                    "run_id": [run_id] * rows,
                    "stage": [f"s{number}"] * rows,
                    "link": range(rows),
                    "left_node": [0] * rows,
                    "right_node": [1] * rows,
                    "height": [float(number)] * rows,
                    "size": [2] * rows,
                }
            )
            sys.stdout.write(f"begin {number}\n")
            sys.stdout.flush()
            receipt = write(lake, Write("results.cluster_links", frame), run_id=run_id, step=f"step-{number}")
            sys.stdout.write(f"landed {number} {receipt.snapshot_id}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
