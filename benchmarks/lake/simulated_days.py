"""Land session after session through the write path, with a run every few days: `python -m benchmarks.lake.simulated_days`.

Files and snapshots of the lake are counted after every day; the CPU time of a day is that of its landing alone.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import polars as pl

from benchmarks.lake.market import LAST, GeneratedMarket
from benchmarks.lake.size import lake_size
from benchmarks.lake.universe import describe
from ingest.landing.bars import land_bars
from ingest.landing.reference import land_instruments, land_sessions
from ingest.landing.scope import LandingScope
from ingest.reference.calendars import FIRST_KNOWN, as_of_clock, sessions
from ingest.reference.venues import Venues
from ingest.sources.files import FilesSource
from lakehouse.connection.catalog import Lake
from lakehouse.maintenance.routine import delete_unused_files
from lakehouse.paths import Paths

BASE_SESSIONS = 300


@dataclass(frozen=True, slots=True)
class Day:
    """Landing of one session: rows of `raw.bars` written, seconds, and the lake after it."""

    session_date: str
    n_bars: int
    cpu_s: float
    wall_s: float
    n_files: int
    n_snapshots: int
    lake_bytes: int
    raw_bytes: int


def land_file(lake: Lake, file: Path, first: dt.date | None, last: dt.date) -> int:
    """Land the bars of one file from `first` to `last`; returns the number of rows written."""
    venues = Venues.of(lake.paths)
    source = FilesSource(file, venues)
    instruments = source.instruments(as_of=last)
    # The symbols are named because the file is a part of the market: what it does not have is still listed.
    landing = LandingScope(
        "bench", "landing", last, as_of_clock(last), first=first, symbols=tuple(instruments["symbol"])
    )
    calendars = sorted(set(venues.calendars_of(instruments["venue"]).values()))
    land_sessions(lake, calendars, instruments["first_session"].min() or FIRST_KNOWN, last, landing)  # type: ignore[arg-type]  # dates
    if first is None:
        land_instruments(lake, source, landing)
    return land_bars(lake, source, venues, landing).n_inserted


def simulate_days(home: Path, n_instruments: int, n_days: int, run_every: int) -> list[Day]:
    """Land a history, then day after day; a run through step 6 follows every `run_every` days."""
    market = GeneratedMarket(n_instruments, BASE_SESSIONS + n_days)
    bars = pl.concat(market.bars())
    days = sessions("XNYS", FIRST_KNOWN, LAST)["session_date"].tail(n_days + 1).to_list()
    folder = home / "bars"
    folder.mkdir(parents=True, exist_ok=True)
    describe(market.listings).write_csv(folder / "symbols.csv")
    bars.filter(pl.col("date") <= days[0]).write_parquet(folder / "base.parquet")
    paths = Paths.at(home)
    with Lake.open(paths) as lake:
        land_file(lake, folder / "base.parquet", None, days[0])
    landed = []
    for number, (before, day) in enumerate(pairwise(days), start=1):
        file = folder / f"day_{day:%Y%m%d}.parquet"
        bars.filter((pl.col("date") > before) & (pl.col("date") <= day)).write_parquet(file)
        landed.append(_land_day(paths, file, before + dt.timedelta(days=1), day))
        if run_every and number % run_every == 0:
            _run(home, folder, day)
            _delete_old_files(paths)
    return landed


def _land_day(paths: Paths, file: Path, first: dt.date, day: dt.date) -> Day:
    with Lake.open(paths) as lake:
        began, spent = time.monotonic(), time.process_time()
        n_bars = land_file(lake, file, first, day)
        cpu_s, wall_s = time.process_time() - spent, time.monotonic() - began
    size = lake_size(paths.root)
    return Day(
        day.isoformat(), n_bars, round(cpu_s, 4), round(wall_s, 4), size.n_files, size.n_snapshots, size.total,
        size.bytes_of.get("raw", 0),
    )  # fmt: skip


def _run(home: Path, folder: Path, day: dt.date) -> None:
    """Run steps 1 to 6 on everything that has landed."""
    words = ["run", "--profile", "production", "--source", "files", "--path", str(folder), "--as-of", day.isoformat()]
    command = [sys.executable, "-m", "lakefolio", *words, "--stop-step", "light-prep", "--home", str(home)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own command line
    if done.returncode:
        raise SystemExit(f"the run as of {day} ended with exit code {done.returncode}: {done.stderr[-400:]}")
    sys.stderr.write(f"{day}: landed, steps 1 to 6 done\n")


def _delete_old_files(paths: Paths) -> None:
    """Delete files that no snapshot needs: what stays for a day passes in minutes here."""
    with Lake.open(paths) as lake:
        delete_unused_files(lake, dt.timedelta(0))


def main() -> None:
    """Simulate the days and write them as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lake.simulated_days", description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--instruments", type=int, default=100)
    parser.add_argument("--days", type=int, default=250)
    parser.add_argument("--run-every", type=int, default=25, metavar="DAYS")
    options = parser.parse_args()
    days = simulate_days(options.home, options.instruments, options.days, options.run_every)
    options.out.write_text(json.dumps([asdict(day) for day in days]), encoding="utf-8")


if __name__ == "__main__":
    main()
