"""Land a market of many bars, file by file: `python -m benchmarks.lake.bulk HOME FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.lake.market import LAST
from benchmarks.lake.simulated_days import land_file
from lakehouse.connection.catalog import Lake
from lakehouse.paths import Paths


def land_folder(home: Path, folder: Path) -> int:
    """Land every file of a generated market and return the number of bars."""
    with Lake.open(Paths.at(home)) as lake:
        return sum(land_file(lake, file, None, LAST) for file in sorted(folder.glob("bars_*.parquet")))


if __name__ == "__main__":
    sys.stderr.write(f"landed {land_folder(*map(Path, sys.argv[1:3])):,} bars\n")
