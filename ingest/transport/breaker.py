"""A breaker for each host: after several failures in a row it is left alone for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ingest.errors import BreakerOpenError, Origin, RemoteError

Clock = Callable[[], float]


@dataclass(slots=True)
class Breaker:
    """Closed: ask. Open after `failures_to_open` failures in a row: do not ask. Half open after the pause: ask once.

    Attributes
    ----------
    pause_s : float
        How long an open breaker stays open.
    clock : callable
        Seconds on a clock that only moves forward.
    """

    failures_to_open: int = 8
    pause_s: float = 30.0
    clock: Clock = time.monotonic
    n_failures: int = field(default=0, init=False)
    open_until: float | None = field(default=None, init=False)
    is_probing: bool = field(default=False, init=False)

    def check(self, origin: Origin) -> None:
        """Let a question through, or refuse it.

        Raises
        ------
        BreakerOpenError
            While the breaker is open, or half open with its one question under way.
        """
        if self.open_until is None:
            return
        left = self.open_until - self.clock()
        if left > 0 or self.is_probing:
            raise BreakerOpenError(
                origin,
                f"not asked, the host failed {self.n_failures} times in a row",
                f"run again in {max(left, 1.0):.0f} s; what was complete is kept",
            )
        self.is_probing = True

    def note_success(self) -> None:
        """Close the breaker: the host answered, whatever it said."""
        self.n_failures, self.open_until, self.is_probing = 0, None, False

    def note_failure(self, error: RemoteError, pause_s: float | None = None) -> None:
        """Count a failure of the host; `pause_s` opens the breaker at once for that long."""
        if not error.counts_against_host:
            self.note_success()
            return
        self.n_failures += 1
        if pause_s is not None or self.is_probing or self.n_failures >= self.failures_to_open:
            self.open_until = self.clock() + (self.pause_s if pause_s is None else pause_s)
        self.is_probing = False

    def release(self) -> None:
        """Take back a question that was let through and not asked to its end (cancelled)."""
        self.is_probing = False
