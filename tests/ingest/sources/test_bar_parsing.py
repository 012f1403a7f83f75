from __future__ import annotations

import datetime as dt

import pytest

from ingest.errors import MalformedError, Origin
from ingest.sources.bar_parsing import BarRow, bars_of, midnight_s, n_sessions, number
from ingest.sources.protocol import BAR_SCHEMA, BarRequest

ORIGIN = Origin("made", "host", "X:Y")
MONDAY = dt.date(2024, 3, 4)
NOON = dt.datetime.fromisoformat("2024-03-06T12:00:00")


def row(day: dt.date, hours: float = 0.0) -> BarRow:
    return (midnight_s(day) + hours * 3600.0, 1.0, 2.0, 0.5, 1.5, 10.0, None)


def request(first: dt.date | None = None) -> BarRequest:
    return BarRequest(("X:Y",), first, dt.date(2024, 3, 6), NOON, NOON)


def test_bars_are_sorted_and_cut_to_the_requested_span() -> None:
    days = [MONDAY + dt.timedelta(days=n) for n in (1, 0, -1)]
    bars = bars_of([row(day) for day in days], "X:Y", "24/7", request(MONDAY), ORIGIN)
    assert list(bars.columns) == list(BAR_SCHEMA)
    assert bars["session_date"].to_list() == [MONDAY, MONDAY + dt.timedelta(days=1)]
    assert bars["row_number"].to_list() == [1, 2]


def test_a_bar_of_an_open_session_is_left_out_and_a_future_bar_is_kept() -> None:
    days = [dt.date(2024, 3, 5), dt.date(2024, 3, 6), dt.date(2024, 3, 9)]
    bars = bars_of([row(day) for day in days], "X:Y", "24/7", request(), ORIGIN)
    assert bars["session_date"].to_list() == [days[0], days[2]]


def test_a_bar_that_opens_on_the_evening_before_belongs_to_the_next_session() -> None:
    bars = bars_of([row(MONDAY, 22.0)], "X:Y", "us_futures", request(), ORIGIN)
    assert bars["session_date"].to_list() == [dt.date(2024, 3, 5)]


@pytest.mark.parametrize("stamp", [0.0, 1_709_510_400_000.0])
def test_a_time_in_another_unit_is_refused(stamp: float) -> None:
    with pytest.raises(MalformedError, match="which is no time in seconds"):
        bars_of([(stamp, 1.0, 1.0, 1.0, 1.0, None, None)], "X:Y", "24/7", request(), ORIGIN)


@pytest.mark.parametrize(("value", "expected"), [(None, None), (1, 1.0), ("2.5", 2.5), (10**400, float("inf"))])
def test_numbers_and_texts_of_numbers_are_parsed(value: object, expected: float | None) -> None:
    assert number(value, ORIGIN, "close") == expected


@pytest.mark.parametrize("value", [True, "one", [1.0], {}])
def test_anything_else_is_refused(value: object) -> None:
    with pytest.raises(MalformedError, match="close is"):
        number(value, ORIGIN, "close")


def test_sessions_are_counted_up_to_the_fetch() -> None:
    assert n_sessions("XNYS", request(MONDAY)) == 3
    assert n_sessions("XNYS", request()) is None
