"""Sessions of trading calendars with their times, and the clocks of a run.

See docs/method/01-time-sessions-bars.md#1.1, 1.2.

Sessions come from `exchange_calendars`. That library lacks the TARGET days, on which the ECB publishes its reference
rates, so this module defines them.
"""

from __future__ import annotations

import datetime as dt
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import polars as pl

from ingest.errors import CalendarRangeError, UnknownVenueError, nearest

if TYPE_CHECKING:
    from exchange_calendars import ExchangeCalendar

FIRST_KNOWN = dt.date(2000, 1, 1)
LAST_KNOWN = dt.date(2030, 12, 31)
TARGET_CALENDAR = "XECB"
# Calendars whose sessions open on the evening before their date; they have no session on Sunday.
EVENING_CALENDARS = ("24/5", "CMES", "IEPA", "us_futures")
_EVENING_HOUR_UTC = 17

SESSION_SCHEMA = {
    "calendar": pl.String(),
    "session_date": pl.Date(),
    "opens_at": pl.Datetime("us"),
    "closes_at": pl.Datetime("us"),
}


@cache
def _register_target() -> None:
    # The library takes most of two seconds to import, so it is loaded at the first use and not at start-up.
    import exchange_calendars as xc  # noqa: PLC0415
    import pandas as pd  # noqa: PLC0415
    from exchange_calendars.exchange_calendar import HolidayCalendar  # noqa: PLC0415
    from pandas.tseries.holiday import EasterMonday, GoodFriday, Holiday  # noqa: PLC0415

    class TargetCalendar(xc.ExchangeCalendar):  # type: ignore[misc]  # the library is untyped
        """TARGET days of the euro area: the ECB publishes its reference rates at about 16:00 on each."""

        name = TARGET_CALENDAR
        tz = ZoneInfo("Europe/Berlin")
        open_times = ((None, dt.time(9, 0)),)
        close_times = ((None, dt.time(16, 0)),)

        @property
        def regular_holidays(self) -> Any:
            fixed = ((1, 1), (5, 1), (12, 25), (12, 26))
            return HolidayCalendar(
                [GoodFriday, EasterMonday, *(Holiday(f"closed {m}-{d}", month=m, day=d) for m, d in fixed)]
            )

        @property
        def adhoc_holidays(self) -> Any:
            return [pd.Timestamp("2000-12-31"), pd.Timestamp("2001-12-31")]

    xc.register_calendar_type(TARGET_CALENDAR, TargetCalendar, force=True)


@cache
def _calendar(name: str) -> ExchangeCalendar:
    _register_target()
    import exchange_calendars as xc  # noqa: PLC0415

    try:
        # The library calls a pandas method that newer pandas deprecates; the result is the same.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return xc.get_calendar(name, start=FIRST_KNOWN.isoformat(), end=LAST_KNOWN.isoformat())
    except xc.errors.InvalidCalendarName as error:
        hint = nearest(name, xc.get_calendar_names(include_aliases=False))
        raise UnknownVenueError(f"calendar {name!r} does not exist: {hint}") from error


@cache
def all_sessions(calendar: str) -> pl.DataFrame:
    """Return every known session of one calendar (2000 to 2030), in the columns of `raw.sessions`."""
    schedule = _calendar(calendar).schedule
    frame = pl.DataFrame(
        {
            "session_date": schedule.index.to_numpy().astype("datetime64[D]"),
            "opens_at": schedule["open"].dt.tz_localize(None).to_numpy().astype("datetime64[us]"),
            "closes_at": schedule["close"].dt.tz_localize(None).to_numpy().astype("datetime64[us]"),
        }
    )
    return frame.select(pl.lit(calendar).alias("calendar"), "session_date", "opens_at", "closes_at").cast(
        pl.Schema(SESSION_SCHEMA)
    )


def sessions(calendar: str, first: dt.date, last: dt.date) -> pl.DataFrame:
    """Return the sessions of one calendar from `first` to `last`, both included.

    Returns
    -------
    pl.DataFrame
        calendar, session_date, opens_at, closes_at (naive UTC): `raw.sessions` as it is stored.

    Raises
    ------
    CalendarRangeError
        When a date lies outside 2000 to 2030.
    UnknownVenueError
        When the calendar does not exist.
    """
    if first < FIRST_KNOWN or last > LAST_KNOWN:
        raise CalendarRangeError(
            f"{calendar}: sessions from {first} to {last} were requested, known are {FIRST_KNOWN} to {LAST_KNOWN}"
        )
    return all_sessions(calendar).filter(pl.col("session_date").is_between(first, last))


def completed_sessions(calendar: str, as_of_at: dt.datetime, settle_minutes: int = 10) -> pl.DataFrame:
    """Return the sessions that had closed and settled at `as_of_at` (naive UTC).

    See docs/method/01-time-sessions-bars.md#1.3.
    """
    limit = as_of_at - dt.timedelta(minutes=settle_minutes)
    return all_sessions(calendar).filter(pl.col("closes_at") <= limit)


def last_completed_session(calendar: str, as_of_at: dt.datetime, settle_minutes: int = 10) -> dt.date | None:
    """Return the newest completed session at `as_of_at`, or None before the first."""
    done = completed_sessions(calendar, as_of_at, settle_minutes)
    return None if done.is_empty() else done["session_date"][-1]


def now_utc() -> dt.datetime:
    """Return the present moment as the lake stores it, naive UTC."""
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


def as_of_clock(as_of: dt.date, settle_minutes: int = 10) -> dt.datetime:
    """Return the clock of a run as of a date: the next midnight UTC plus the settling time, naive UTC."""
    return dt.datetime.combine(as_of + dt.timedelta(days=1), dt.time()) + dt.timedelta(minutes=settle_minutes)


def session_date_of(opened_at: pl.Expr, calendar: pl.Expr) -> pl.Expr:
    """Return the session of bars as an expression, from the time at which they opened.

    See docs/method/01-time-sessions-bars.md#1.1.

    A bar of an evening calendar with a time at or after 17:00 UTC opens the session of the next day; then a Sunday bar
    of such a calendar belongs to Monday. Other bars keep their date.

    Parameters
    ----------
    opened_at : Datetime expression, naive UTC (midnight where the source gives dates only)
    calendar : String expression
    """
    is_evening_calendar = calendar.is_in(list(EVENING_CALENDARS))
    opens_next = is_evening_calendar & (opened_at.dt.hour() >= _EVENING_HOUR_UTC)
    stamped = pl.when(opens_next).then(opened_at.dt.date().dt.offset_by("1d")).otherwise(opened_at.dt.date())
    return (
        pl.when(is_evening_calendar & (stamped.dt.weekday() == 7)).then(stamped.dt.offset_by("1d")).otherwise(stamped)
    )
