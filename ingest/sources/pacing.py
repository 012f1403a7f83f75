"""How many symbols to ask for at once: as many as the service bears, and those that misbehave one by one."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from ingest.errors import BreakerOpenError, RemoteError, ThrottledError
from ingest.sources.protocol import BAR_SCHEMA, BarBatch

_LOGGER = logging.getLogger(__name__)

Answers = Mapping[str, pl.DataFrame | RemoteError]
"""What a group of symbols was answered: bars in `BAR_SCHEMA`, or why not."""


@dataclass(slots=True)
class Pace:
    """The size of the next group: additive increase, multiplicative decrease.

    Attributes
    ----------
    target_s : float
        A group that takes longer makes the next one smaller.
    """

    size: int = 8
    smallest: int = 1
    largest: int = 64
    step: int = 4
    target_s: float = 8.0

    def __post_init__(self) -> None:
        self.size = min(max(self.size, self.smallest), self.largest)

    def observe(self, n_asked: int, seconds: float, *, is_throttled: bool, n_failed: int) -> None:
        """Learn from one group: halve when throttled or half of it failed, shrink when slow, else grow."""
        if is_throttled or 2 * n_failed >= max(n_asked, 1):
            self.size = max(self.smallest, self.size // 2)
        elif n_failed or seconds > self.target_s:
            self.size = max(self.smallest, self.size * 3 // 4)
        elif n_asked >= self.size:
            self.size = min(self.largest, self.size + self.step)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a fetch is.

    Attributes
    ----------
    rate_per_s : float
        Symbols a second since the start.
    eta_s : float or None
        Seconds left at that rate; None before the first symbol.
    """

    source: str
    n_done: int
    n_failed: int
    n_total: int
    group_size: int
    is_slow_lane: bool
    rate_per_s: float

    @property
    def eta_s(self) -> float | None:
        """Seconds left at the rate so far."""
        return (self.n_total - self.n_done - self.n_failed) / self.rate_per_s if self.rate_per_s > 0 else None

    def __str__(self) -> str:
        eta = "?" if self.eta_s is None else f"{self.eta_s:.0f} s"
        lane = ", slow lane" if self.is_slow_lane else ""
        return (
            f"{self.source}: {self.n_done + self.n_failed}/{self.n_total} symbols, {self.n_failed} failed, "
            f"{self.rate_per_s:.1f}/s, {eta} left, {self.group_size} at once{lane}"
        )


Report = Callable[[Progress], None]


@dataclass(slots=True)
class Lanes:
    """Two lanes for one fetch: groups of the pace's size, then one by one those that failed in a passing way.

    Parameters
    ----------
    ask_group : callable
        Asks for several symbols at once; every one of them stands in the result.
    runner : asyncio.Runner
        Event loop in which it runs.
    """

    source: str
    ask_group: Callable[[Sequence[str]], Awaitable[Answers]]
    pace: Pace
    runner: asyncio.Runner
    report: Report | None = None
    _n_done: int = field(default=0, init=False)
    _n_failed: int = field(default=0, init=False)

    def batches(self, symbols: Sequence[str]) -> Iterator[BarBatch]:
        """Yield one batch for each group; a symbol that fails comes last, after its second chance."""
        waiting, slow, started = deque(symbols), deque[str](), time.perf_counter()
        while waiting or slow:
            is_slow = not waiting
            lane = slow if is_slow else waiting
            group = [lane.popleft() for _ in range(min(1 if is_slow else self.pace.size, len(lane)))]
            asked_at = time.perf_counter()
            answers = self.runner.run(_awaited(self.ask_group(group)))
            seconds = time.perf_counter() - asked_at
            errors = {symbol: answer for symbol in group if isinstance(answer := answers[symbol], RemoteError)}
            again = [] if is_slow else [symbol for symbol, error in errors.items() if _deserves_another(error)]
            slow.extend(again)
            if not is_slow:
                throttled = any(isinstance(error, ThrottledError) for error in errors.values())
                self.pace.observe(len(group), seconds, is_throttled=throttled, n_failed=len(again))
            batch = _batch_of(group, answers, set(again), seconds)
            self._n_done += len(batch.symbols)
            self._n_failed += len(batch.failures)
            if batch.symbols or batch.failures:
                yield batch
            self._tell(len(symbols), time.perf_counter() - started, is_slow=is_slow)

    def _tell(self, n_total: int, seconds: float, *, is_slow: bool) -> None:
        settled = self._n_done + self._n_failed
        rate = settled / seconds if seconds > 0 else 0.0
        size = 1 if is_slow else self.pace.size
        progress = Progress(self.source, self._n_done, self._n_failed, n_total, size, is_slow, rate)
        _LOGGER.debug("%s", progress)
        if self.report is not None:
            self.report(progress)


async def ask_each(ask_one: Callable[[str], Awaitable[pl.DataFrame]], symbols: Sequence[str]) -> Answers:
    """Ask for each symbol by a request of its own, all at once."""

    async def one(symbol: str) -> pl.DataFrame | RemoteError:
        try:
            return await ask_one(symbol)
        except RemoteError as error:
            return error

    return dict(zip(symbols, await asyncio.gather(*(one(symbol) for symbol in symbols)), strict=True))


async def _awaited(answers: Awaitable[Answers]) -> Answers:
    return await answers


def _deserves_another(error: RemoteError) -> bool:
    return error.is_transient or isinstance(error, BreakerOpenError)


def _batch_of(group: Sequence[str], answers: Answers, again: set[str], seconds: float) -> BarBatch:
    frames = {symbol: answer for symbol in group if isinstance(answer := answers[symbol], pl.DataFrame)}
    bars = pl.concat(frames.values()) if frames else pl.DataFrame(schema=BAR_SCHEMA)
    failures = {
        symbol: f"{type(answer).__name__}: {answer}"
        for symbol in group
        if symbol not in again and isinstance(answer := answers[symbol], RemoteError)
    }
    return BarBatch(tuple(frames), bars, failures=failures, seconds=seconds)
