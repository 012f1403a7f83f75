"""Commit rows one transaction at a time and print when each begins and lands: HOME TABLE RUN_ID COMMITS ROWS."""

from __future__ import annotations

import sys
from datetime import date, datetime

import polars as pl

from lakehouse.connection.catalog import Lake, LakeSettings, contract_of
from lakehouse.paths import Paths
from lakehouse.storage.writes import Write, write

VALUES = {
    "DOUBLE": 0.5,
    "BIGINT": 1,
    "BOOLEAN": True,
    "DATE": date(2024, 1, 1),
    "TIMESTAMP": datetime(2024, 1, 1),  # noqa: DTZ001
}


def frame_of(table: str, run_id: str, commit: int, rows: int) -> pl.DataFrame:
    """Fill a contract: one text column of the grain differs per row, the others are constant."""
    columns: dict[str, list[object]] = {}
    contract = contract_of(table)
    key = next(
        c.name for c in contract.columns if c.name in contract.grain and c.type == "VARCHAR" and c.name != "run_id"
    )
    for column in contract.columns:
        columns[column.name] = [VALUES.get(column.type, "x")] * rows
    columns[key] = [f"{run_id}-{commit}-{row}" for row in range(rows)]
    if "run_id" in columns:
        columns["run_id"] = [run_id] * rows
    return pl.DataFrame(columns)


def main(home: str, table: str, run_id: str, commits: int, rows: int) -> None:
    with Lake.open(Paths.at(home), settings=LakeSettings(memory_limit="512MB", threads=1)) as lake:
        for number in range(commits):
            sys.stdout.write(f"begin {number}\n")
            sys.stdout.flush()
            receipt = write(
                lake, Write(table, frame_of(table, run_id, number, rows)), run_id=run_id, step=f"step-{number}"
            )
            sys.stdout.write(f"landed {number} {receipt.snapshot_id}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
