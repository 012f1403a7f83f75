from __future__ import annotations

import datetime as dt
from pathlib import Path

import exchange_calendars as xc
import polars as pl
import pytest

from ingest.errors import CalendarRangeError, NotATableError, UnknownVenueError
from ingest.reference.calendars import (
    all_sessions,
    as_of_clock,
    completed_sessions,
    last_completed_session,
    session_date_of,
    sessions,
)
from ingest.reference.venues import Venues


def test_every_venue_has_a_calendar_with_sessions(venues: Venues) -> None:
    for name in venues.calendars:
        found = sessions(name, dt.date(2024, 1, 1), dt.date(2024, 12, 31))
        assert 240 <= found.height <= 366, name


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of exchange_calendars, about pandas
@pytest.mark.parametrize("calendar", ["XNYS", "CMES", "24/5", "24/7", "XLON"])
def test_sessions_are_those_of_exchange_calendars(calendar: str) -> None:
    first, last = "2024-03-01", "2024-04-30"
    authority = xc.get_calendar(calendar, start="2023-01-01", end="2025-01-01")
    expected = [stamp.date() for stamp in authority.sessions_in_range(first, last)]
    found = sessions(calendar, dt.date.fromisoformat(first), dt.date.fromisoformat(last))
    assert found["session_date"].to_list() == expected
    closes = [authority.session_close(day.isoformat()).tz_localize(None).to_pydatetime() for day in expected]
    assert found["closes_at"].to_list() == closes


def test_target_days_are_those_of_the_european_central_bank() -> None:
    # Closing days of TARGET as the ECB published them for 2024; weekends are no business days.
    closed = [
        dt.date(2024, 1, 1),
        dt.date(2024, 3, 29),
        dt.date(2024, 4, 1),
        dt.date(2024, 5, 1),
        dt.date(2024, 12, 25),
    ]
    closed.append(dt.date(2024, 12, 26))
    found = set(sessions("XECB", dt.date(2024, 1, 1), dt.date(2024, 12, 31))["session_date"])
    every = [dt.date(2024, 1, 1) + dt.timedelta(days=n) for n in range(366)]
    assert [day for day in every if day.weekday() < 5 and day not in found] == closed
    assert not [day for day in found if day.weekday() >= 5]


def test_a_half_day_closes_early() -> None:
    day = sessions("XNYS", dt.date(2024, 11, 29), dt.date(2024, 11, 29))
    assert day["closes_at"].to_list() == [dt.datetime.fromisoformat("2024-11-29T18:00")]


def test_an_unknown_venue_is_an_error_that_names_the_nearest(venues: Venues) -> None:
    with pytest.raises(UnknownVenueError, match="did you mean 'NASDAQ'"):
        venues.require("NASDQA")
    with pytest.raises(UnknownVenueError, match="'XNYZ' does not exist"):
        all_sessions("XNYZ")


def test_sessions_outside_the_known_years_are_refused() -> None:
    with pytest.raises(CalendarRangeError, match="1999-12-31"):
        sessions("XNYS", dt.date(1999, 12, 31), dt.date(2001, 1, 1))


def test_a_venue_file_with_another_header_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "venues.csv"
    file.write_text("venue,calendar\nX,XNYS\n")
    with pytest.raises(NotATableError, match="expected"):
        Venues.read(file)


@pytest.mark.parametrize(
    ("clock", "last"),
    [
        (
            dt.datetime.fromisoformat("2024-07-03T17:09"),
            dt.date(2024, 7, 2),
        ),  # the half day closed at 17:00 and has not settled
        (dt.datetime.fromisoformat("2024-07-03T17:10"), dt.date(2024, 7, 3)),
        (dt.datetime.fromisoformat("2024-07-04T23:00"), dt.date(2024, 7, 3)),  # Independence Day holds no session
        (dt.datetime.fromisoformat("2024-07-07T12:00"), dt.date(2024, 7, 5)),
    ],
)
def test_a_session_is_completed_when_it_has_closed_and_settled(clock: dt.datetime, last: dt.date) -> None:
    assert last_completed_session("XNYS", clock) == last
    assert completed_sessions("XNYS", clock)["session_date"][-1] == last


@pytest.mark.parametrize("calendar", ["XNYS", "24/7", "24/5", "CMES", "XECB"])
def test_the_clock_of_an_as_of_completes_that_day_and_no_later_one(calendar: str) -> None:
    assert last_completed_session(calendar, as_of_clock(dt.date(2025, 12, 30))) == dt.date(2025, 12, 30)


@pytest.mark.parametrize(
    ("opened_at", "calendar", "session"),
    [
        (dt.datetime.fromisoformat("2024-03-03"), "24/5", dt.date(2024, 3, 4)),  # a Sunday date is Monday's session
        (dt.datetime.fromisoformat("2024-03-03T22:00"), "24/5", dt.date(2024, 3, 4)),
        (
            dt.datetime.fromisoformat("2024-03-04T22:00"),
            "24/5",
            dt.date(2024, 3, 5),
        ),  # an evening opens the next day's session
        (dt.datetime.fromisoformat("2024-03-03T23:00"), "CMES", dt.date(2024, 3, 4)),
        (dt.datetime.fromisoformat("2024-03-03"), "24/7", dt.date(2024, 3, 3)),
        (dt.datetime.fromisoformat("2024-03-03T22:00"), "24/7", dt.date(2024, 3, 3)),
        (dt.datetime.fromisoformat("2024-03-04T14:30"), "XNYS", dt.date(2024, 3, 4)),
        (
            dt.datetime.fromisoformat("2024-03-03"),
            "XNYS",
            dt.date(2024, 3, 3),
        ),  # a Sunday equity bar is wrong, and stays so
    ],
)
def test_a_bar_is_dated_by_its_session(opened_at: dt.datetime, calendar: str, session: dt.date) -> None:
    frame = pl.DataFrame({"opened_at": [opened_at], "calendar": [calendar]})
    assert frame.select(session_date_of(pl.col("opened_at"), pl.col("calendar"))).item() == session
