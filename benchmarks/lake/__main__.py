"""Measure time and size of whole runs on generated markets, each in a process of its own.

Written are artifacts/bench/lake.json and a table on standard output.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.lake.figures import Outcome, comparison_table, figures_table, read_figures, steps_table, write_json
from benchmarks.lake.landings import run_build, run_days
from benchmarks.lake.runs import SIZE_TARGETS, Workplace, run_demo, run_market, run_second_day, run_size
from benchmarks.lake.usage import measure

CASES = ("sizes", "second-day", "days", "demo")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the options of the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lake", description=__doc__)
    parser.add_argument("--cases", nargs="*", choices=CASES, default=list(CASES), metavar="CASE", help=" ".join(CASES))
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZE_TARGETS), metavar="N", help="instruments")
    parser.add_argument("--second-day", type=int, default=1000, metavar="N", help="instruments of the second day")
    parser.add_argument("--days", type=int, default=250, metavar="DAYS", help="simulated days")
    parser.add_argument("--days-instruments", type=int, default=100, metavar="N", help="their instruments")
    parser.add_argument(
        "--run-every", type=int, default=25, metavar="DAYS", help="a run after so many of them, 0: none"
    )
    parser.add_argument("--market", type=Path, metavar="FILE", help="market data for a whole production run")
    parser.add_argument("--as-of", type=dt.date.fromisoformat, metavar="DATE", help="session of that run")
    parser.add_argument(
        "--bars", type=int, metavar="N", help="build the price models over so many bars, such as 20000000"
    )
    parser.add_argument("--work", type=Path, metavar="FOLDER", help="keep homes and markets here (default: temporary)")
    parser.add_argument("--out", type=Path, default=Path("artifacts/bench/lake.json"), metavar="FILE", help="results")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="results of an earlier measurement")
    options = parser.parse_args(arguments)
    if (options.market is None) != (options.as_of is None):
        parser.error("--market and --as-of are given together: the file, and the session of its run")
    return options


def report(line: str) -> None:
    """Write a line of progress to stderr."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def workplace(folder: Path | None) -> Iterator[Workplace]:
    """Make the folder of the homes; a temporary one is deleted at the end, homes in a given one before they are used."""
    if folder is None:
        with tempfile.TemporaryDirectory() as temporary:
            yield Workplace(Path(temporary), report)
        return
    folder.mkdir(parents=True, exist_ok=True)
    for home in folder.glob("home_*"):
        shutil.rmtree(home)
    yield Workplace(folder.resolve(), report)


def prepare(work: Workplace) -> None:
    """Parse the dbt project once, as the set-up does, into a cache that no other process empties."""
    os.environ["LAKEFOLIO_CACHE"] = str(work.folder / "cache")
    measure(["-m", "lakefolio", "--home", str(work.home("setup")), "dbt", "parse", "--no-write-json"])


def measured(work: Workplace, options: argparse.Namespace) -> Iterator[Outcome]:
    """Measure the requested cases one by one."""
    sizes = list(options.sizes) if "sizes" in options.cases else []
    if "second-day" in options.cases and options.second_day not in sizes:
        sizes.append(options.second_day)
    for n_instruments in sizes:
        yield run_size(work, n_instruments)
        if "second-day" in options.cases and n_instruments == options.second_day:
            yield run_second_day(work, n_instruments)
    if "demo" in options.cases:
        yield run_demo(work)
    if options.market is not None:
        yield run_market(work, options.market, options.as_of)
    if "days" in options.cases:
        yield run_days(work, options.days_instruments, options.days, options.run_every)
    if options.bars is not None:
        yield run_build(work, options.bars)


def main(arguments: Sequence[str]) -> int:
    """Measure, write the results after every case, print the tables; returns 1 where a case failed."""
    options = parse(arguments)
    before = read_figures(options.compare) if options.compare else []
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    outcome = Outcome.empty()
    with workplace(options.work) as work:
        prepare(work)
        for more in measured(work, options):
            outcome.add(more)
            write_json(options.out, outcome)
    for case, usage in outcome.usages.items():
        if usage.steps:
            print(f"{case}\n{steps_table(usage)}\n")
    print(figures_table(outcome.figures, outcome.failures))
    if before:
        print(f"\n{comparison_table(before, outcome.figures)}")
    report(f"figures in {options.out}")
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
