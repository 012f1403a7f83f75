from __future__ import annotations

import asyncio

import pytest

from ingest.errors import BreakerOpenError, Origin, RequestRefusedError, ThrottledError, TimedOutError
from ingest.transport.breaker import Breaker

ORIGIN = Origin("made", "host", "X:Y")


def test_a_breaker_opens_after_failures_in_a_row_and_lets_one_through_after_the_pause() -> None:
    now = [0.0]
    breaker = Breaker(failures_to_open=3, pause_s=10.0, clock=lambda: now[0])
    error = TimedOutError(ORIGIN, "no data", "try again later")
    for _ in range(2):
        breaker.note_failure(error)
    breaker.note_success()
    for _ in range(3):
        breaker.check(ORIGIN)
        breaker.note_failure(error)
    with pytest.raises(BreakerOpenError, match="failed 3 times in a row; run again in 10 s"):
        breaker.check(ORIGIN)
    now[0] = 10.0
    breaker.check(ORIGIN)
    with pytest.raises(BreakerOpenError):
        breaker.check(ORIGIN)
    breaker.note_failure(error)
    now[0] = 19.0
    with pytest.raises(BreakerOpenError):
        breaker.check(ORIGIN)
    now[0] = 20.0
    breaker.check(ORIGIN)
    breaker.note_success()
    breaker.check(ORIGIN)
    breaker.check(ORIGIN)


def test_a_refused_request_does_not_count_against_the_host_and_a_ban_opens_at_once() -> None:
    breaker = Breaker(failures_to_open=1, clock=lambda: 0.0)
    breaker.note_failure(RequestRefusedError(ORIGIN, "no", "check"))
    breaker.check(ORIGIN)
    ban = ThrottledError(ORIGIN, "banned", "wait", retry_after_s=120.0, is_transient=False)
    Breaker(failures_to_open=99).note_failure(ban)
    breaker = Breaker(failures_to_open=99, clock=lambda: 0.0)
    breaker.note_failure(ban, 120.0)
    with pytest.raises(BreakerOpenError, match="120 s"):
        breaker.check(ORIGIN)


def test_an_attempt_that_runs_out_of_time_counts_and_is_named_by_its_deadline() -> None:
    breaker = Breaker(failures_to_open=2, clock=lambda: 0.0)

    async def attempt() -> None:
        async with breaker.attempt(ORIGIN, 1.5):
            raise TimeoutError

    for _ in range(2):
        with pytest.raises(TimedOutError, match=r"no complete response within 1\.5 s"):
            asyncio.run(attempt())
    with pytest.raises(BreakerOpenError):
        asyncio.run(attempt())


def test_a_cancelled_attempt_frees_the_half_open_breaker_and_a_good_one_closes_it() -> None:
    now = [0.0]
    breaker = Breaker(failures_to_open=1, pause_s=10.0, clock=lambda: now[0])
    breaker.note_failure(TimedOutError(ORIGIN, "no data", "try again later"))
    now[0] = 10.0

    async def attempt(error: BaseException | None) -> None:
        async with breaker.attempt(ORIGIN, 1.0):
            if error is not None:
                raise error

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(attempt(asyncio.CancelledError()))
    assert breaker.open_until == 10.0
    asyncio.run(attempt(None))
    assert breaker.open_until is None
