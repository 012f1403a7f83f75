"""Time our analytics against peer libraries: `python -m benchmarks [--quick] [--works NAME ...] [--out FOLDER]`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "POLARS_MAX_THREADS",
)
GROWTH_SIZES = (50, 100, 200, 500, 1000, 2000)
QUICK_GROWTH_SIZES = (50, 100, 200)


def pin_to_one_thread() -> None:
    """Restart this process with one thread; libraries read these variables when they are loaded, not later."""
    if all(os.environ.get(name) == "1" for name in THREADS):
        return
    os.environ.update(dict.fromkeys(THREADS, "1"))
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  # ourselves, without a shell


def parse(arguments: Sequence[str], works: Sequence[str]) -> argparse.Namespace:
    """Parse the options of the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, under a minute")
    parser.add_argument("--works", nargs="+", choices=[*works, "growth"], default=[*works, "growth"], metavar="NAME")
    parser.add_argument("--peers", nargs="+", metavar="NAME", help="only these peers")
    parser.add_argument("--rounds", type=int, help="turns of each side")
    parser.add_argument("--out", type=Path, default=Path("artifacts/bench"), help="folder of the tables")
    return parser.parse_args(arguments)


def report(line: str) -> None:
    """Write a line of progress to stderr."""
    print(line, file=sys.stderr, flush=True)


def main(arguments: Sequence[str]) -> int:
    """Compare, write the tables, and return 1 where one of our own results was wrong."""
    from dataclasses import replace  # noqa: PLC0415  # nothing is loaded before the threads are pinned

    from benchmarks.comparison import FULL, QUICK, WORKS, WrongAnswerError, all_peers, compare, installed  # noqa: PLC0415
    from benchmarks.growth import charge, grow  # noqa: PLC0415
    from benchmarks.tables import write_growth, write_solvers  # noqa: PLC0415

    options = parse(arguments, WORKS)
    scale = QUICK if options.quick else FULL
    if options.rounds:
        scale = replace(scale, rounds=options.rounds)
    works = [work for work in WORKS if work in options.works]
    skipped: list[str] = []
    if works:
        peers = installed(options.peers or all_peers(), skipped.append)
        for line in skipped:
            report(line)
        try:
            outcomes = list(compare(works, scale, peers, report))
        except WrongAnswerError as wrong:
            report(str(wrong))
            return 1
        write_solvers(options.out, outcomes, skipped)
    if "growth" in options.works:
        sizes = QUICK_GROWTH_SIZES if options.quick else GROWTH_SIZES
        growth = list(grow(sizes, scale.sessions, scale.rounds, report))
        write_growth(options.out, growth, list(charge(scale.sizes, scale.sessions, scale.rounds, report)))
    report(f"tables in {options.out}")
    return 0


if __name__ == "__main__":
    pin_to_one_thread()
    sys.exit(main(sys.argv[1:]))
