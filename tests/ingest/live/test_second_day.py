"""What a fetch learns: the second day asks for little, a slow or angry service for fewer at once."""

from __future__ import annotations

import asyncio
import datetime as dt

import polars as pl
import pytest

from ingest.errors import BreakerOpenError, Origin, RequestRefusedError, ThrottledError, TimedOutError
from ingest.landing.bars import land_bars
from ingest.reference.venues import Venues
from ingest.sources.pacing import Pace, PacedFetch, Progress
from ingest.sources.protocol import BAR_SCHEMA
from ingest.sources.tradingview.source import TradingViewSource
from ingest.transport.breaker import Breaker
from lakehouse.connection.catalog import Lake
from tests.ingest.live.loopback_market import (
    HISTORY_LIMITS,
    HTTP_LIMITS,
    breaker_that_stays_closed,
    endpoints_of,
    exchange_of,
    landing_of,
    made_bars,
)
from tests.servers.settings import Settings

ORIGIN = Origin("made", "host", "X:Y")


def asked_for(exchange: object) -> int:
    """Questions: requests over HTTP, connections, and requests for bars."""
    words = ("POST", "GET", "CONNECT", "create_series", "request_more_data")
    return sum(entry.what.startswith(words) for entry in exchange.requests)  # type: ignore[attr-defined]


def test_the_second_day_asks_for_sixty_percent_less_at_least(venues: Venues, lake: Lake) -> None:
    symbols = tuple(f"NASDAQ:D{place:02d}" for place in range(40))
    days = [dt.date(2024, 5, 30), dt.date(2024, 5, 31)]
    counts = []
    for day in days:
        now = dt.datetime.combine(day, dt.time(22, 0))
        table = made_bars(list(symbols)).filter(pl.col("session_date") <= day)
        with exchange_of(list(symbols), table, Settings(now=now, max_sessions=64)) as exchange:
            source = TradingViewSource(
                venues,
                endpoints=endpoints_of(exchange),
                http_limits=HTTP_LIMITS,
                history_limits=HISTORY_LIMITS,
                breaker=breaker_that_stays_closed,
            )
            report = land_bars(lake, source, venues, landing_of(day, symbols=symbols, now=now))
            assert (report.n_requested, report.failures) == (40, {})
            counts.append(asked_for(exchange))
            exchange.requests.clear()
            assert land_bars(lake, source, venues, landing_of(day, symbols=symbols, now=now)).n_requested == 0
            assert asked_for(exchange) == 0
    assert counts[1] <= 0.4 * counts[0]
    stored = lake.read("raw.bars").select("symbol", "session_date", "open", "high", "low", "close", "volume")
    truth = made_bars(list(symbols)).select(stored.columns)
    assert stored.sort("symbol", "session_date").equals(truth.sort("symbol", "session_date"))


def test_a_bar_of_a_running_session_is_never_stored(venues: Venues, lake: Lake) -> None:
    symbol, day = "BINANCE:RUNUSDT", dt.date(2024, 5, 31)
    now = dt.datetime.combine(day, dt.time(13, 0))
    with exchange_of([symbol], settings=Settings(now=now)) as exchange:
        source = TradingViewSource(
            venues, endpoints=endpoints_of(exchange), http_limits=HTTP_LIMITS, history_limits=HISTORY_LIMITS
        )
        # The run's clock is ahead of the moment of the fetch, as for `--as-of` today.
        ahead = landing_of(day, symbols=(symbol,), now=dt.datetime.combine(day + dt.timedelta(days=1), dt.time(0, 10)))
        land_bars(lake, source, venues, type(ahead)(**{**_fields(ahead), "fetched_at": now}))
    assert lake.read("raw.bars")["session_date"].max() == day - dt.timedelta(days=1)
    assert lake.read("raw.quarantine").is_empty()


def _fields(landing: object) -> dict[str, object]:
    return {name: getattr(landing, name) for name in landing.__dataclass_fields__}  # type: ignore[attr-defined]


def test_the_pace_halves_when_throttled_and_grows_by_steps() -> None:
    pace = Pace(size=16, largest=24, step=4, target_s=1.0)
    pace.observe(16, 0.5, is_throttled=False, n_failed=0)
    assert pace.size == 20
    pace.observe(20, 0.5, is_throttled=True, n_failed=0)
    assert pace.size == 10
    pace.observe(10, 5.0, is_throttled=False, n_failed=0)
    assert pace.size == 7
    pace.observe(7, 0.1, is_throttled=False, n_failed=4)
    assert pace.size == 3
    for _ in range(20):
        pace.observe(pace.size, 0.1, is_throttled=False, n_failed=0)
    assert pace.size == 24


def test_a_symbol_that_misbehaves_is_asked_again_alone() -> None:
    groups: list[list[str]] = []

    async def ask(symbols: object) -> dict[str, object]:
        group = list(symbols)  # type: ignore[call-overload]
        groups.append(group)
        answers: dict[str, object] = {symbol: pl.DataFrame(schema=BAR_SCHEMA) for symbol in group}
        if "B" in group and len(groups) == 1:
            answers["B"] = TimedOutError(ORIGIN, "silent", "ask again")
        if "C" in group:
            answers["C"] = RequestRefusedError(ORIGIN, "no", "check")
        return answers

    told: list[Progress] = []
    with asyncio.Runner() as runner:
        lanes = PacedFetch("made", ask, Pace(size=3), runner, told.append)  # type: ignore[arg-type]
        batches = list(lanes.batches(["A", "B", "C", "D"]))
    assert groups == [["A", "B", "C"], ["D"], ["B"]]
    assert [batch.symbols for batch in batches] == [("A",), ("D",), ("B",)]
    assert list(batches[0].failures) == ["C"]
    assert batches[0].failures["C"] == "RequestRefusedError: made (host), X:Y: no; check"
    assert [(one.n_done, one.n_failed, one.is_sequential) for one in told] == [
        (1, 1, False),
        (2, 1, False),
        (3, 1, True),
    ]
    assert told[-1].eta_s == 0.0
    assert str(told[-1]).startswith("made: 4/4 symbols, 1 failed, ")


def test_a_breaker_opens_after_failures_in_a_row_and_lets_one_through_after_the_pause() -> None:
    now = [0.0]
    breaker = Breaker(failures_to_open=3, pause_s=10.0, clock=lambda: now[0])
    error = TimedOutError(ORIGIN, "silent", "ask again")
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


def test_a_refused_question_says_nothing_against_the_host_and_a_ban_opens_at_once() -> None:
    breaker = Breaker(failures_to_open=1, clock=lambda: 0.0)
    breaker.note_failure(RequestRefusedError(ORIGIN, "no", "check"))
    breaker.check(ORIGIN)
    ban = ThrottledError(ORIGIN, "banned", "wait", retry_after_s=120.0, is_transient=False)
    Breaker(failures_to_open=99).note_failure(ban)
    breaker = Breaker(failures_to_open=99, clock=lambda: 0.0)
    breaker.note_failure(ban, 120.0)
    with pytest.raises(BreakerOpenError, match="120 s"):
        breaker.check(ORIGIN)
