"""Measure whole runs: generated markets of several sizes, a second day, the demo, and a file of market data."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from benchmarks.lake.figures import Failure, Figure, Outcome, failed
from benchmarks.lake.market import LAST, NEXT
from benchmarks.lake.size import catalog_bytes, data_files, lake_size
from benchmarks.lake.usage import MIB, Usage, measure

N_SESSIONS = 1500
DECISIONS, LIGHT = "optimize", "light-prep"
#: Last step, most CPU seconds and most MiB, by number of instruments; other sizes run through step 12 without a target.
SIZE_TARGETS: dict[int, tuple[str, float | None, float | None]] = {
    250: (DECISIONS, None, None),
    1000: (DECISIONS, 90.0, 2048.0),
    4000: (LIGHT, 300.0, 4096.0),
}
SECOND_DAY_CPU_S, SECOND_DAY_TIMES_NEW = 30.0, 3.0
DEMO_WALL_S, SECOND_DEMO_WALL_S, MARKET_WALL_S = 45.0, 30.0, 50.0


@dataclass(frozen=True, slots=True)
class Workplace:
    """Folder of the homes and the generated markets, and where progress is reported."""

    folder: Path
    report: Callable[[str], None]

    def home(self, name: str) -> Path:
        """Return the home of a case."""
        return self.folder / f"home_{name}"

    def market(self, n_instruments: int) -> Path:
        """Return the folder of a generated market, which is written when it is requested first."""
        folder = self.folder / f"market_{n_instruments}"
        if not (folder / "symbols.csv").is_file():
            self.report(f"generating {n_instruments:,} instruments x {N_SESSIONS + 1:,} sessions")
            generate(folder, n_instruments, N_SESSIONS + 1, NEXT)
        return folder


def generate(folder: Path, n_instruments: int, n_sessions: int, last: dt.date) -> None:
    """Write a generated market in a process of its own.

    Raises
    ------
    RuntimeError
        When the process fails; the message is its last line.
    """
    usage = measure(
        ["-m", "benchmarks.lake.market", str(folder), str(n_instruments), str(n_sessions), last.isoformat()]
    )
    if usage.exit_code:
        raise RuntimeError(f"the market of {n_instruments} instruments was not generated: {usage.tail[-1:]}")


def perform(work: Workplace, home: Path, *words: str) -> Usage:
    """Measure `lakefolio run` in a home."""
    work.report(f"lakefolio run {' '.join(words)}")
    usage = measure(["-m", "lakefolio", "run", *words, "--home", str(home)])
    work.report(f"  exit {usage.exit_code}, {usage.cpu_s} CPU s, {usage.wall_s} s, {usage.peak_mib} MiB")
    return usage


def run_size(work: Workplace, n_instruments: int) -> Outcome:
    """Measure the production run on a generated market of so many instruments."""
    stop, most_cpu_s, most_mib = SIZE_TARGETS.get(n_instruments, (DECISIONS, None, None))
    case = f"{n_instruments:,} instruments, steps 1-{12 if stop == DECISIONS else 6}"
    usage = perform(work, work.home(str(n_instruments)), *_production(work, n_instruments, LAST, stop))
    if usage.exit_code:
        return failed(case, usage)
    size = lake_size(work.home(str(n_instruments)))
    figures = [
        Figure(case, "CPU", usage.cpu_s, "s", most_cpu_s),
        Figure(case, "peak memory", usage.peak_mib, "MiB", most_mib),
        Figure(case, "wall", usage.wall_s, "s"),
        Figure(case, "lake", size.total / MIB, "MiB"),
        Figure(case, "raw", size.bytes_of.get("raw", 0) / MIB, "MiB"),
        Figure(case, "files", size.n_files, ""),
        Figure(case, "snapshots", size.n_snapshots, ""),
    ]
    return Outcome(figures, {case: usage}, [])


def run_second_day(work: Workplace, n_instruments: int) -> Outcome:
    """Measure the run of the next session in the home of `run_size`.

    The day's new data are its bars as one Parquet file; what is written are the new data files and the growth of the
    catalog.
    """
    case = f"second day, {n_instruments:,} instruments"
    home = work.home(str(n_instruments))
    before, catalog_before = data_files(home), catalog_bytes(home)
    if not before:
        return Outcome([], {}, [Failure(case, f"the run of {n_instruments:,} instruments left no lake in {home}")])
    usage = perform(work, home, *_production(work, n_instruments, NEXT, DECISIONS))
    if usage.exit_code:
        return failed(case, usage)
    new: dict[str, int] = {}
    for name, size in data_files(home).items():
        if name not in before:
            schema = name.partition("/")[0]
            new[schema] = new.get(schema, 0) + size
    written = sum(new.values()) + catalog_bytes(home) - catalog_before
    day = day_bytes(work.market(n_instruments), NEXT)
    figures = [
        Figure(case, "CPU", usage.cpu_s, "s", SECOND_DAY_CPU_S),
        Figure(case, "peak memory", usage.peak_mib, "MiB"),
        Figure(case, "wall", usage.wall_s, "s"),
        Figure(case, "new data of the day", day / MIB, "MiB"),
        Figure(case, "written", written / MIB, "MiB"),
        *(Figure(case, f"written to {schema}", size / MIB, "MiB") for schema, size in sorted(new.items())),
        Figure(case, "written, times the new data", written / day, "", SECOND_DAY_TIMES_NEW),
    ]
    return Outcome(figures, {case: usage}, [])


def day_bytes(folder: Path, day: dt.date) -> int:
    """Return the size of one day's bars of a generated market as a Parquet file."""
    buffer = io.BytesIO()
    bars = pl.scan_parquet(folder / "bars_*.parquet").filter(pl.col("date") == day)
    bars.select("symbol", "date", "open", "high", "low", "close", "volume", "adj_close").collect().write_parquet(buffer)
    return buffer.getbuffer().nbytes


def run_demo(work: Workplace) -> Outcome:
    """Measure the demo in a new home, and again on the same day."""
    home = work.home("demo")
    outcome = Outcome.empty()
    for case, most_s in (("demo", DEMO_WALL_S), ("second demo of the day", SECOND_DEMO_WALL_S)):
        usage = perform(work, home, "--profile", "demo")
        outcome.add(failed(case, usage) if usage.exit_code else _timed(case, usage, most_s))
    return outcome


def run_market(work: Workplace, file: Path, as_of: dt.date) -> Outcome:
    """Measure the whole production run on a file of market data.

    When the strict health gate stops the run, it is run again in a new home without the symbols that the gate named.
    """
    words = [
        "--profile",
        "production",
        "--source",
        "files",
        "--path",
        str(file.resolve()),
        "--as-of",
        as_of.isoformat(),
    ]
    usage = perform(work, work.home("market"), *words)
    if usage.exit_code == 3 and (named := _unhealthy(work.home("market"))):
        excluded = json.dumps(dict.fromkeys(named, "unhealthy in this file"))
        usage = perform(work, work.home("market_healthy"), *words, "--set", f"discovery.exclude_symbols={excluded}")
    return failed("market data", usage) if usage.exit_code else _timed("market data", usage, MARKET_WALL_S)


def _unhealthy(home: Path) -> list[str]:
    """Return the symbols at which the health gate stopped the newest run of a home."""
    from lakehouse.connection.catalog import Lake  # noqa: PLC0415  # not before the runs that need all memory
    from lakehouse.paths import Paths  # noqa: PLC0415

    with Lake.open(Paths.at(home), read_only=True) as lake:
        found = lake.rows(
            "select symbol from results.health where stage = 'full' and is_judged and status not in ('OK', 'SHORT')"
        )
    return sorted({str(symbol) for (symbol,) in found})


def _production(work: Workplace, n_instruments: int, as_of: dt.date, stop: str) -> list[str]:
    folder = work.market(n_instruments)
    return [
        "--profile", "production", "--source", "files", "--path", str(folder),
        "--as-of", as_of.isoformat(), "--stop-step", stop,
    ]  # fmt: skip


def _timed(case: str, usage: Usage, most_s: float) -> Outcome:
    figures = [
        Figure(case, "wall", usage.wall_s, "s", most_s),
        Figure(case, "CPU", usage.cpu_s, "s"),
        Figure(case, "peak memory", usage.peak_mib, "MiB"),
    ]
    return Outcome(figures, {case: usage}, [])
