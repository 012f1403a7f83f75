"""Stop requests to a host for a while after several failures in a row (circuit breaker)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from ingest.errors import BreakerOpenError, Origin, RemoteError, ThrottledError, TimedOutError
from ingest.transport.bodies import TRY_LATER
from ingest.transport.retries import KEPT

Clock = Callable[[], float]


@dataclass(slots=True)
class Breaker:
    """Circuit breaker of one host.

    It is closed at first and lets requests through. After `failures_to_open` failures in a row it opens and refuses
    them for `pause_s`; then it is half open, and the next request decides whether it closes or opens again.

    Attributes
    ----------
    pause_s : float
        Seconds that the breaker stays open.
    clock : callable
        Seconds of a monotonic clock.
    """

    failures_to_open: int = 8
    pause_s: float = 30.0
    clock: Clock = time.monotonic
    n_failures: int = field(default=0, init=False)
    open_until: float | None = field(default=None, init=False)
    is_probing: bool = field(default=False, init=False)

    def check(self, origin: Origin) -> None:
        """Let one request through, or refuse it.

        Raises
        ------
        BreakerOpenError
            When the breaker is open, or half open while its one request is under way.
        """
        if self.open_until is None:
            return
        left = self.open_until - self.clock()
        if left > 0 or self.is_probing:
            raise BreakerOpenError(
                origin,
                f"not requested, the host failed {self.n_failures} times in a row",
                f"run again in {max(left, 1.0):.0f} s; complete results are kept",
            )
        self.is_probing = True

    @asynccontextmanager
    async def attempt(self, origin: Origin, deadline_s: float) -> AsyncIterator[None]:
        """Guard one attempt: refuse it while the breaker is open, and record how it ended.

        Parameters
        ----------
        deadline_s : float
            Deadline that the attempt sets itself, for the message when it runs out.

        Raises
        ------
        BreakerOpenError
            When the breaker is open.
        TimedOutError
            When the attempt ends with `TimeoutError`.
        """
        self.check(origin)
        try:
            yield
        except TimeoutError as error:
            timed_out = TimedOutError(origin, f"no complete response within {deadline_s:g} s", f"{TRY_LATER}; {KEPT}")
            self.note_failure(timed_out)
            raise timed_out from error
        except RemoteError as error:
            pause_s = error.retry_after_s if isinstance(error, ThrottledError) and not error.is_transient else None
            self.note_failure(error, pause_s)
            raise
        except asyncio.CancelledError:
            self.release()
            raise
        self.note_success()

    def note_success(self) -> None:
        """Close the breaker, since the host answered."""
        self.n_failures, self.open_until, self.is_probing = 0, None, False

    def note_failure(self, error: RemoteError, pause_s: float | None = None) -> None:
        """Count a failure of the host; with `pause_s` the breaker opens at once for that many seconds."""
        if not error.counts_against_host:
            self.note_success()
            return
        self.n_failures += 1
        if pause_s is not None or self.is_probing or self.n_failures >= self.failures_to_open:
            self.open_until = self.clock() + (self.pause_s if pause_s is None else pause_s)
        self.is_probing = False

    def release(self) -> None:
        """Forget a request that was let through and then cancelled."""
        self.is_probing = False
