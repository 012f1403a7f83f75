"""Fetch many symbols in groups whose size adapts to the service.

Groups grow while the service answers in time and shrink when it throttles, fails or is slow. Symbols that fail in a
transient way are fetched again one by one after all groups.
"""

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

GroupResult = Mapping[str, pl.DataFrame | RemoteError]
"""Bars in `BAR_SCHEMA`, or the error, of each symbol of a group."""


@dataclass(slots=True)
class Pace:
    """Size of the next group of symbols: additive increase, multiplicative decrease.

    Attributes
    ----------
    size, smallest, largest, step : int
        Current size, its bounds, and how much it grows after a good group.
    target_s : float
        Seconds beyond which a group counts as slow and the next one is smaller.
    """

    size: int = 8
    smallest: int = 1
    largest: int = 64
    step: int = 4
    target_s: float = 8.0

    def __post_init__(self) -> None:
        self.size = min(max(self.size, self.smallest), self.largest)

    def observe(self, n_symbols: int, seconds: float, *, is_throttled: bool, n_failed: int) -> None:
        """Adapt to one group: halve when throttled or half of it failed, shrink when slow, else grow."""
        if is_throttled or 2 * n_failed >= max(n_symbols, 1):
            self.size = max(self.smallest, self.size // 2)
        elif n_failed or seconds > self.target_s:
            self.size = max(self.smallest, self.size * 3 // 4)
        elif n_symbols >= self.size:
            self.size = min(self.largest, self.size + self.step)


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a fetch after one group.

    Attributes
    ----------
    is_sequential : bool
        Whether symbols that failed are now fetched one by one.
    rate_per_s : float
        Symbols per second since the start.
    """

    source: str
    n_done: int
    n_failed: int
    n_total: int
    group_size: int
    is_sequential: bool
    rate_per_s: float

    @property
    def eta_s(self) -> float | None:
        """Seconds left at the rate so far; None before the first symbol."""
        return (self.n_total - self.n_done - self.n_failed) / self.rate_per_s if self.rate_per_s > 0 else None

    def __str__(self) -> str:
        eta = "?" if self.eta_s is None else f"{self.eta_s:.0f} s"
        sequential = ", failed ones again" if self.is_sequential else ""
        return (
            f"{self.source}: {self.n_done + self.n_failed}/{self.n_total} symbols, {self.n_failed} failed, "
            f"{self.rate_per_s:.1f}/s, {eta} left, {self.group_size} at once{sequential}"
        )


Report = Callable[[Progress], None]


@dataclass(slots=True)
class PacedFetch:
    """Fetch of many symbols: groups at the pace, then one by one those that failed in a transient way.

    Parameters
    ----------
    fetch_group : callable
        Fetches several symbols at once; its result has every one of them.
    runner : asyncio.Runner
        Event loop that runs it.
    report : callable, optional
        Called with the progress after every group.
    """

    source: str
    fetch_group: Callable[[Sequence[str]], Awaitable[GroupResult]]
    pace: Pace
    runner: asyncio.Runner
    report: Report | None = None
    _n_done: int = field(default=0, init=False)
    _n_failed: int = field(default=0, init=False)

    def batches(self, symbols: Sequence[str]) -> Iterator[BarBatch]:
        """Yield one batch for each group; a symbol that fails is in the batch of its second attempt."""
        waiting, failed, started = deque(symbols), deque[str](), time.perf_counter()
        while waiting or failed:
            is_sequential = not waiting
            queue = failed if is_sequential else waiting
            group = [queue.popleft() for _ in range(min(1 if is_sequential else self.pace.size, len(queue)))]
            group_started = time.perf_counter()
            result = self.runner.run(_awaited(self.fetch_group(group)))
            seconds = time.perf_counter() - group_started
            errors = {symbol: found for symbol in group if isinstance(found := result[symbol], RemoteError)}
            retried = [] if is_sequential else [symbol for symbol, error in errors.items() if _is_retryable(error)]
            failed.extend(retried)
            if not is_sequential:
                throttled = any(isinstance(error, ThrottledError) for error in errors.values())
                self.pace.observe(len(group), seconds, is_throttled=throttled, n_failed=len(retried))
            batch = _batch_of(group, result, set(retried), seconds)
            self._n_done += len(batch.symbols)
            self._n_failed += len(batch.failures)
            if batch.symbols or batch.failures:
                yield batch
            self._report(len(symbols), time.perf_counter() - started, is_sequential=is_sequential)

    def _report(self, n_total: int, seconds: float, *, is_sequential: bool) -> None:
        rate = (self._n_done + self._n_failed) / seconds if seconds > 0 else 0.0
        size = 1 if is_sequential else self.pace.size
        progress = Progress(self.source, self._n_done, self._n_failed, n_total, size, is_sequential, rate)
        _LOGGER.debug("%s", progress)
        if self.report is not None:
            self.report(progress)


async def fetch_each(fetch: Callable[[str], Awaitable[pl.DataFrame]], symbols: Sequence[str]) -> GroupResult:
    """Fetch each symbol by a request of its own, all at once."""

    async def one(symbol: str) -> pl.DataFrame | RemoteError:
        try:
            return await fetch(symbol)
        except RemoteError as error:
            return error

    return dict(zip(symbols, await asyncio.gather(*(one(symbol) for symbol in symbols)), strict=True))


async def _awaited(result: Awaitable[GroupResult]) -> GroupResult:
    return await result


def _is_retryable(error: RemoteError) -> bool:
    return error.is_transient or isinstance(error, BreakerOpenError)


def _batch_of(group: Sequence[str], result: GroupResult, retried: set[str], seconds: float) -> BarBatch:
    frames = {symbol: found for symbol in group if isinstance(found := result[symbol], pl.DataFrame)}
    bars = pl.concat(frames.values()) if frames else pl.DataFrame(schema=BAR_SCHEMA)
    failures = {
        symbol: f"{type(found).__name__}: {found}"
        for symbol in group
        if symbol not in retried and isinstance(found := result[symbol], RemoteError)
    }
    return BarBatch(tuple(frames), bars, failures=failures, seconds=seconds)
