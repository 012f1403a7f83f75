from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest

from ingest.landing.bars import land_bars
from ingest.landing.reference import land_instruments
from ingest.landing.scope import LandingScope
from ingest.landing.status import lake_status
from ingest.reference.calendars import as_of_clock
from ingest.reference.venues import Venues
from ingest.sources.files import FilesSource
from lakehouse.connection.catalog import Lake
from lakehouse.storage.writes import Write, write

FRIDAY, SATURDAY, MONDAY = dt.date(2024, 3, 8), dt.date(2024, 3, 9), dt.date(2024, 3, 11)
BARS = """symbol,asset_class,date,close
NASDAQ:NEW,equity,2024-03-07,1
NASDAQ:NEW,equity,2024-03-08,1
NASDAQ:OLD,equity,2024-03-06,1
NASDAQ:OLD,equity,2024-03-07,-1
BINANCE:BTCUSDT,crypto,2024-03-08,1
"""


@pytest.fixture(scope="module")
def landed(new_lake: Callable[[], Lake], venues: Venues, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake, file = new_lake(), tmp_path_factory.mktemp("files") / "bars.csv"
    file.write_text(BARS, encoding="utf-8")
    source = FilesSource(file, venues)
    scope = LandingScope("run-1", "prep", FRIDAY, as_of_clock(FRIDAY), fetched_at=as_of_clock(MONDAY))
    land_instruments(lake, source, scope)
    land_bars(lake, source, venues, scope)
    return lake


def coverage(lake: Lake, venues: Venues, as_of: dt.date) -> dict[str, tuple[int, int, int, dt.date]]:
    rows = lake_status(lake, venues, as_of=as_of, as_of_at=as_of_clock(as_of))["coverage"]
    return {row["asset_class"]: (row["n_symbols"], row["n_fresh"], row["n_bars"], row["last_session"]) for row in rows}


def test_freshness_is_measured_by_the_calendar_of_each_instrument(landed: Lake, venues: Venues) -> None:
    assert coverage(landed, venues, FRIDAY) == {"crypto": (1, 1, 1, FRIDAY), "equity": (2, 1, 3, FRIDAY)}
    # On Saturday the exchange had no session, while coins were traded.
    assert coverage(landed, venues, SATURDAY) == {"crypto": (1, 0, 1, FRIDAY), "equity": (2, 1, 3, FRIDAY)}
    assert coverage(landed, venues, MONDAY)["equity"][1] == 0


def test_bars_after_the_session_do_not_count(landed: Lake, venues: Venues) -> None:
    day = dt.date(2024, 3, 6)
    assert coverage(landed, venues, day) == {"equity": (1, 1, 1, day)}


def test_quarantine_and_the_newest_failures_are_listed(landed: Lake, venues: Venues) -> None:
    attempts = landed.read("raw.fetches", "symbol = 'NASDAQ:OLD'").row(0, named=True)
    later = [
        {**attempts, "fetch_id": f"f{n}", "symbol": symbol, "status": status, "error": error, "attempt": n}
        for n, (symbol, status, error) in enumerate(
            [("NASDAQ:OLD", "failed", "no data"), ("NASDAQ:NEW", "failed", "no data"), ("NASDAQ:NEW", "ok", None)], 2
        )
    ]
    frame = landed.read("raw.fetches").clear()
    write(landed, Write("raw.fetches", frame.extend(type(frame)(later, schema=frame.schema)), mode="append"),
          run_id="run-1", step="prep")  # fmt: skip
    status = lake_status(landed, venues, as_of=FRIDAY, as_of_at=as_of_clock(FRIDAY))
    assert status["quarantine"] == [{"source": "files", "reason": "not_positive", "n_rows": 1, "n_symbols": 1}]
    assert status["failures"] == [{"source": "files", "symbol": "NASDAQ:OLD", "error": "no data"}]
    assert (status["as_of"], status["snapshot"]) == (FRIDAY, landed.snapshot_id())


def test_an_empty_lake_has_an_empty_status(lake: Lake, venues: Venues) -> None:
    status = lake_status(lake, venues, as_of=FRIDAY, as_of_at=as_of_clock(FRIDAY))
    assert (status["coverage"], status["quarantine"], status["failures"]) == ([], [], [])
