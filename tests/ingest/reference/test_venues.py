from __future__ import annotations

from pathlib import Path

import pytest

from ingest.errors import NotATableError, UnknownVenueError
from ingest.reference.venues import Venues


def test_a_venue_has_its_calendar_by_name_and_by_symbol(venues: Venues) -> None:
    assert venues.require("NASDAQ").calendar == "XNYS"
    assert venues.calendar_of("BINANCE:BTCUSDT") == "24/7"
    assert venues.calendars_of(["FX_IDC", "NASDAQ", "NASDAQ"]) == {"FX_IDC": "24/5", "NASDAQ": "XNYS"}


def test_an_unknown_venue_is_an_error_that_names_the_nearest(venues: Venues) -> None:
    with pytest.raises(UnknownVenueError, match="'NASDAK' has no calendar: did you mean 'NASDAQ'"):
        venues.calendar_of("NASDAK:AAPL")


def test_a_file_that_is_absent_or_has_other_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotATableError, match="no such file"):
        Venues.read(tmp_path / "venues.csv")
    (tmp_path / "venues.csv").write_text("venue,calendar\nNYSE,XNYS\n", encoding="utf-8")
    with pytest.raises(NotATableError, match="columns are"):
        Venues.read(tmp_path / "venues.csv")
