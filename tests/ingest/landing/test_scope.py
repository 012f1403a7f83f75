from __future__ import annotations

import datetime as dt

import pytest

from ingest.landing.scope import LandingScope
from ingest.reference.calendars import now_utc
from lakehouse.errors import PathRefusedError

LAST, AT = dt.date(2024, 3, 8), dt.datetime.fromisoformat("2024-03-09T00:10")


@pytest.mark.parametrize("symbol", ["../x", "NYSE", "NYSE:", "nyse:A", "NYSE:A\n"])
def test_a_symbol_outside_the_whitelist_is_refused_at_once(symbol: str) -> None:
    with pytest.raises(PathRefusedError, match="is refused"):
        LandingScope("run-1", "prep", LAST, AT, symbols=("NYSE:A", symbol))


def test_a_request_has_sorted_symbols_and_the_clocks_of_the_landing() -> None:
    before = now_utc()
    scope = LandingScope("run-1", "prep", LAST, AT)
    request = scope.bar_request(["NYSE:B", "NYSE:A"], None)
    assert request.symbols == ("NYSE:A", "NYSE:B")
    assert (request.first, request.last, request.as_of_at) == (None, LAST, AT)
    assert before <= request.fetched_at == scope.fetched_at <= now_utc()


def test_a_request_may_end_before_the_landing_does() -> None:
    scope = LandingScope("run-1", "prep", LAST, AT, first=dt.date(2024, 1, 2))
    request = scope.bar_request(["NYSE:A"], dt.date(2024, 2, 1), dt.date(2024, 2, 9))
    assert (request.first, request.last) == (dt.date(2024, 2, 1), dt.date(2024, 2, 9))
