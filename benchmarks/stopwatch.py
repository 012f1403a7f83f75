"""Measure the CPU time of two sides in turn, so that other load and warm caches favour neither."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

#: A turn lasts at least this long, so that short work is timed warm and more than once.
TURN_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Seconds:
    """Process CPU seconds of one call: least and median of all calls."""

    least: float
    median: float
    calls: int


def _turn(work: Callable[[], object]) -> list[float]:
    gc.collect()
    spent: list[float] = []
    while sum(spent) < TURN_SECONDS:
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return spent


def _summed(spent: list[float]) -> Seconds:
    return Seconds(min(spent), median(spent), len(spent))


def time_alone(work: Callable[[], object], rounds: int) -> Seconds:
    """Time one side."""
    return _summed([seconds for _ in range(rounds) for seconds in _turn(work)])


def time_in_turn(ours: Callable[[], object], peer: Callable[[], object], rounds: int) -> tuple[Seconds, Seconds]:
    """Time ours, the peer, ours, the peer, ... for so many rounds; neither side's first call is counted."""
    ours()
    peer()
    spent: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        spent[0].extend(_turn(ours))
        spent[1].extend(_turn(peer))
    return _summed(spent[0]), _summed(spent[1])
