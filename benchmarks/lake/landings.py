"""Measure landings without a run: many simulated days, and the price models over a market of many bars."""

from __future__ import annotations

import json
from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks.lake.figures import Figure, Outcome, failed
from benchmarks.lake.market import LAST
from benchmarks.lake.runs import N_SESSIONS, Workplace, generate
from benchmarks.lake.size import LakeSize, lake_size
from benchmarks.lake.usage import MIB, Usage, measure

SAMPLE = 10
LATER_DAYS_TIMES_FIRST, LAKE_TIMES_RAW, BUILD_MIB = 2.0, 2.0, 4096.0


def run_days(work: Workplace, n_instruments: int, n_days: int, run_every: int) -> Outcome:
    """Measure the first and the last of many simulated days, and the lake that they leave."""
    case = f"{n_days} days, {n_instruments:,} instruments"
    home, out = work.home("days"), work.folder / "days.json"
    words = ["--instruments", str(n_instruments), "--days", str(n_days), "--run-every", str(run_every)]
    work.report(f"simulating {case}, a run every {run_every} days")
    usage = measure(["-m", "benchmarks.lake.simulated_days", str(home), str(out), *words])
    if usage.exit_code:
        return failed(case, usage)
    days = json.loads(out.read_text(encoding="utf-8"))
    return Outcome(day_figures(case, days, lake_size(home)), {case: usage}, [])


def day_figures(case: str, days: Sequence[dict[str, Any]], end: LakeSize) -> list[Figure]:
    """Compare the median of the first days with that of the last ones, and the lake after the first with that at the end."""
    n_days = min(SAMPLE, len(days))
    first, last = days[:n_days], days[-n_days:]
    cpu, wall = ([median(day[name] for day in part) for part in (first, last)] for name in ("cpu_s", "wall_s"))
    raw, results = (end.bytes_of.get(schema, 0) for schema in ("raw", "results"))
    return [
        Figure(case, "landing of a day, first", cpu[0], "CPU s"),
        Figure(case, "landing of a day, last", cpu[1], "CPU s"),
        Figure(case, "last, times the first", cpu[1] / cpu[0], "", LATER_DAYS_TIMES_FIRST),
        Figure(case, "last, times the first, wall", wall[1] / wall[0], ""),
        Figure(case, "files, first day", days[0]["n_files"], ""),
        Figure(case, "files, at the end", end.n_files, ""),
        Figure(case, "snapshots, first day", days[0]["n_snapshots"], ""),
        Figure(case, "snapshots, at the end", end.n_snapshots, ""),
        Figure(case, "raw", raw / MIB, "MiB"),
        Figure(case, "results", results / MIB, "MiB"),
        Figure(case, "lake", end.total / MIB, "MiB"),
        Figure(case, "lake without results, times raw", (end.total - results) / raw, "", LAKE_TIMES_RAW),
    ]


def run_build(work: Workplace, n_bars: int) -> Outcome:
    """Measure `dbt build` of the price models over so many bars, landed file by file before."""
    n_instruments = -(-n_bars // N_SESSIONS)
    case = f"dbt build of prices, {n_instruments * N_SESSIONS:,} bars"
    home, folder = work.home("bulk"), work.folder / f"bulk_{n_instruments}"
    if not (folder / "symbols.csv").is_file():
        generate(folder, n_instruments, N_SESSIONS, LAST)
    # A run of one file through step 2 records the scope that the models read.
    scope = [
        "--profile", "production", "--source", "files", "--path", str(folder / "bars_000.parquet"),
        "--as-of", LAST.isoformat(), "--stop-step", "env-check", "--home", str(home),
    ]  # fmt: skip
    build = [
        "--select",
        "tag:columns",
        "tag:candidates",
        "tag:prices",
        "--exclude",
        "returns_matrix+",
        "--exclude-resource-type",
        "unit_test",
    ]
    stages = {
        "landing": ["-m", "benchmarks.lake.bulk", str(home), str(folder)],
        "scope": ["-m", "lakefolio", "run", *scope],
        "build": ["-m", "lakefolio", "--home", str(home), "dbt", "build", *build],
    }
    usages: dict[str, Usage] = {}
    for stage, words in stages.items():
        work.report(f"{case}: {stage}")
        usages[f"{case}, {stage}"] = usage = measure(words)
        work.report(f"  exit {usage.exit_code}, {usage.cpu_s} CPU s, {usage.peak_mib} MiB")
        if usage.exit_code:
            return failed(f"{case}, {stage}", usage)
    size = lake_size(home)
    figures = [
        Figure(case, "CPU", usage.cpu_s, "s"),
        Figure(case, "peak memory", usage.peak_mib, "MiB", BUILD_MIB),
        Figure(case, "wall", usage.wall_s, "s"),
        *(Figure(case, schema, held / MIB, "MiB") for schema, held in size.bytes_of.items()),
    ]
    return Outcome(figures, usages, [])
