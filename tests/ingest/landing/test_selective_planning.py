"""Which symbols a selective landing asks for, with and without backfill and gap filling."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import polars as pl
import pytest

from ingest.cli import main
from ingest.landing.planning import plan_requests
from ingest.landing.scope import LandingScope
from ingest.reference.calendars import as_of_clock
from lakehouse.connection.catalog import Lake
from lakehouse.paths import Paths

SYMBOL = "SIMX:TEC01"
FIRST, LAST = dt.date(2021, 6, 1), dt.date(2021, 9, 1)
CALENDARS = pl.DataFrame({"symbol": [SYMBOL], "calendar": ["XNYS"]})


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """A lake with the bars of one symbol, listed in August."""
    home = tmp_path_factory.mktemp("home")
    span = ("--since", FIRST.isoformat(), "--as-of", LAST.isoformat())
    assert main(["bars", "--home", str(home), "--symbols", SYMBOL, *span]) == 0
    with Lake.open(Paths.at(home)) as opened:
        yield opened


def asked(lake: Lake, first: dt.date, *, last: dt.date = LAST, **switches: bool) -> list[dt.date | None]:
    landing = LandingScope("run", "bars", last, as_of_clock(last), first, (SYMBOL,), **switches)  # type: ignore[arg-type]
    return [request.first for request in plan_requests(lake, "sample", CALENDARS, landing)]


def test_a_symbol_that_is_held_in_whole_is_not_asked_for(lake: Lake) -> None:
    assert asked(lake, FIRST) == []


def test_older_history_is_asked_for_only_with_backfill(lake: Lake) -> None:
    assert asked(lake, dt.date(2021, 1, 4)) == [dt.date(2021, 1, 4)]
    assert asked(lake, dt.date(2021, 1, 4), backfill=False) == []


def test_new_sessions_are_asked_for_without_backfill_too(lake: Lake) -> None:
    assert asked(lake, dt.date(2021, 1, 4), last=dt.date(2021, 9, 8), backfill=False) == [LAST]


def test_a_symbol_without_bars_is_asked_for_whatever_is_switched_off(lake: Lake) -> None:
    landing = LandingScope(
        "run", "bars", LAST, as_of_clock(LAST), FIRST, ("SIMX:MAT06",), backfill=False, gap_fill=False
    )
    calendars = pl.DataFrame({"symbol": ["SIMX:MAT06"], "calendar": ["XNYS"]})
    assert [request.first for request in plan_requests(lake, "sample", calendars, landing)] == [FIRST]


def test_a_missing_session_is_asked_for_only_with_gap_filling(lake: Lake) -> None:
    lake.connection.execute("delete from lake.raw.bars where symbol = ? and session_date = '2021-08-11'", [SYMBOL])
    assert asked(lake, FIRST) == [FIRST]
    assert asked(lake, FIRST, gap_fill=False) == []
