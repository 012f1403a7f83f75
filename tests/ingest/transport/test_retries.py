from __future__ import annotations

import asyncio
import time

import pytest

from ingest.errors import Origin, RemoteError, RequestRefusedError, ThrottledError, TimedOutError
from ingest.transport.retries import RetryLimits, retrying

ORIGIN = Origin("made", "host", "X:Y")
LIMITS = RetryLimits(attempts=3, wait_initial_s=0.001, wait_max_s=0.002, wait_jitter_s=0.0)
NO_DATA = TimedOutError(ORIGIN, "no data", "try again later")


def throttled(seconds: float | None, *, is_transient: bool) -> ThrottledError:
    return ThrottledError(ORIGIN, "status 429", "wait", retry_after_s=seconds, is_transient=is_transient)


def n_attempts(failures: list[Exception | None], limits: RetryLimits = LIMITS) -> int:
    """Number of attempts of a request that fails as listed and then succeeds."""
    made = 0

    async def request() -> None:
        nonlocal made
        async for attempt in retrying(limits):
            with attempt:
                made += 1
                if made <= len(failures) and (failure := failures[made - 1]) is not None:
                    raise failure

    asyncio.run(request())
    return made


def test_a_transient_failure_is_tried_again_until_it_succeeds() -> None:
    assert n_attempts([]) == 1
    assert n_attempts([NO_DATA, NO_DATA]) == 3


def test_the_last_attempt_raises_its_own_error() -> None:
    with pytest.raises(RemoteError, match="slower") as caught:
        n_attempts([NO_DATA, NO_DATA, TimedOutError(ORIGIN, "slower", "try again later")])
    assert caught.value is not NO_DATA


@pytest.mark.parametrize(
    "error",
    [RequestRefusedError(ORIGIN, "no", "check"), throttled(0.0, is_transient=False), ValueError("a bug")],
    ids=lambda error: type(error).__name__,
)
def test_what_a_repetition_cannot_change_is_not_repeated(error: Exception) -> None:
    with pytest.raises(type(error)):
        n_attempts([error, None])
    assert n_attempts([NO_DATA, None]) == 2


def test_a_demanded_pause_is_kept_instead_of_the_own_wait() -> None:
    slow = RetryLimits(attempts=2, wait_initial_s=30.0, wait_max_s=30.0, wait_jitter_s=0.0)
    started = time.monotonic()
    assert n_attempts([throttled(0.05, is_transient=True)], slow) == 2
    assert 0.05 <= time.monotonic() - started < 10.0
