"""Measure the replay of discovery and the memory of the indicators: `python -m benchmarks.screening [--quick]`.

A generated market is landed and its prices are built first. Then the models of the replay are built at 75 past sessions,
twice, and the second build is measured in CPU seconds of the process; the fixed start of a dbt call, measured with a model
of one row, is subtracted and stated. The memory is the peak of a process of its own, above what it holds after its imports.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import io
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from ingest.cli import main as ingest
from ingest.landing.discovery import session_rows
from ingest.reference.calendars import all_sessions, as_of_clock
from lakehouse.connection.catalog import Lake
from lakehouse.dbt.bar_batches import bar_batches
from lakehouse.dbt.runner import run_dbt
from lakehouse.paths import Paths
from lakehouse.storage.writes import Write, write

LAST, N_BARS, N_REPLAYED, STEP = dt.date(2025, 12, 30), 1_500, 75, 20
RUN = "bench-screening"
REPLAY = ("int_scanner_columns_replayed", "int_scans_screened")


def market(n_instruments: int, n_bars: int = N_BARS) -> pl.DataFrame:
    """Bars of a generated market of equities: a random walk each."""
    rng = np.random.default_rng(7)
    days = all_sessions("XNYS").filter(pl.col("session_date") <= LAST)["session_date"].tail(n_bars)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0003, 0.02, (n_instruments, n_bars)), axis=1)).ravel()
    symbols = [f"NASDAQ:S{number:05d}" for number in range(n_instruments)]
    return pl.DataFrame(
        {
            "symbol": np.repeat(symbols, n_bars),
            "date": pl.concat([days] * n_instruments),
            "open": close,
            "high": close * 1.01,
            "low": close * 0.99,
            "close": close,
            "volume": rng.uniform(1e5, 1e7, close.size),
        }
    ).with_columns(
        asset_class=pl.lit("equity"), product=pl.lit("cash"), currency=pl.lit("USD"), sector=pl.lit("Technology")
    )


@contextlib.contextmanager
def landed_market(n_instruments: int) -> Iterator[Paths]:
    """A home whose lake holds the market, its prices, and a run that asks for the replay."""
    with tempfile.TemporaryDirectory(prefix="lakefolio-bench-") as folder:
        paths = Paths.at(Path(folder) / "home")
        file = Path(folder) / "market.parquet"
        market(n_instruments).write_parquet(file)
        words = ["--source", "files", "--path", str(file), "--as-of", LAST.isoformat(), "--run-id", RUN]
        with contextlib.redirect_stdout(io.StringIO()):
            code = ingest(["scan", *words, "--home", str(paths.root), "--json"])
        if code != 0:
            raise SystemExit(code)
        days = all_sessions("XNYS").filter(pl.col("session_date") < LAST)["session_date"].to_list()
        past = [(day, as_of_clock(day)) for day in days[-1 : -STEP * N_REPLAYED : -STEP]]
        rows = session_rows(past, "replay", RUN)
        with Lake.open(paths) as lake:
            again = Write("scope.sessions", rows, mode="replace_run", keys={"purpose": "replay"})
            write(lake, again, run_id=RUN, step="benchmark")
        yield paths


def cpu_seconds(paths: Paths, *models: str) -> float:
    """CPU seconds of this process for one dbt run of the models."""
    started = time.process_time()
    run_dbt(paths, ["run", "--select", *models], environment={"LAKEFOLIO_RUN_ID": RUN}).require()
    return time.process_time() - started


def replay_seconds(n_instruments: int) -> tuple[float, float, int]:
    """CPU seconds of the replay without the fixed start of dbt, that start, and the rows that are found."""
    with landed_market(n_instruments) as paths:
        cpu_seconds(paths, *REPLAY)
        start = min(cpu_seconds(paths, "int_run") for _ in range(2))
        seconds = min(cpu_seconds(paths, *REPLAY) for _ in range(2)) - start
        with Lake.open(paths, read_only=True) as lake:
            (found,) = lake.rows("select count(*) from intermediate.int_scans_screened")[0]
    return seconds, start, found


def indicator_mebibytes(n_instruments: int) -> float:
    """Peak memory of the indicators over a market in a parquet file, above that after the imports."""
    with tempfile.TemporaryDirectory(prefix="lakefolio-bench-") as folder:
        file = Path(folder) / "bars.parquet"
        bars = market(n_instruments).rename({"date": "session_date"}).with_columns(
            (pl.col("close") * pl.col("volume")).alias("value_traded_usd"),
            pl.lit(value=False).alias("is_close_only"),
            pl.lit(value=False).alias("is_round_the_clock"),
            (pl.col("session_date").rank("dense", descending=True) % STEP == 1).alias("is_replay"),
        )  # fmt: skip
        bars.write_parquet(file)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.apply(_measure, (str(file),))


def _measure(file: str) -> float:
    from analytics.indicators.batches import columns_in_batches  # noqa: PLC0415 - the import is not measured

    with duckdb.connect(config={"memory_limit": "512MiB"}) as connection:
        before = _peak_kibibytes()
        columns_in_batches(bar_batches(connection.read_parquet(file), "is_replay"))
        return (_peak_kibibytes() - before) / 1024


def _peak_kibibytes() -> int:
    # The peak of getrusage is inherited from the process that started this one; that of Linux is not.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


def main(arguments: list[str]) -> None:
    """Measure and print one line for each figure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.screening", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the instruments")
    share = 10 if parser.parse_args(arguments).quick else 1
    seconds, start, found = replay_seconds(400 // share)
    print(
        f"replay of discovery: {400 // share} instruments, {N_REPLAYED} past sessions, {N_BARS} bars: {seconds:.2f} CPU s "
        f"for {found} finds (start of a dbt call, not included: {start:.2f} CPU s)"
    )
    for n_instruments in (100, 1_000 // share):
        peak = indicator_mebibytes(n_instruments)
        print(f"indicators: {n_instruments} instruments, {N_BARS} bars, {N_REPLAYED} sessions: peak {peak:.0f} MiB")


if __name__ == "__main__":
    main(sys.argv[1:])
