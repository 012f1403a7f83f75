from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from ingest.errors import UnknownInstrumentError
from ingest.landing.reference import land_instruments, land_sessions
from ingest.landing.scope import LandingScope
from ingest.reference.calendars import as_of_clock, sessions
from ingest.reference.venues import Venues
from ingest.sources.files import FilesSource
from ingest.sources.sample.source import SampleSource
from lakehouse.connection.catalog import Lake
from lakehouse.errors import PathRefusedError

DAYS = sessions("XNYS", dt.date(2024, 3, 1), dt.date(2024, 3, 28))["session_date"].to_list()


def landing(as_of: dt.date, **changes: object) -> LandingScope:
    return replace(LandingScope("run-1", "prep", as_of, as_of_clock(as_of)), **changes)  # type: ignore[arg-type]


def table(closes: dict[str, Sequence[float]]) -> pl.DataFrame:
    rows = [(symbol, day, close) for symbol, prices in closes.items() for day, close in zip(DAYS, prices, strict=False)]
    return pl.DataFrame(rows, schema=["symbol", "date", "close"], orient="row")


def files(folder: Path, venues: Venues, frame: pl.DataFrame) -> FilesSource:
    folder.mkdir(exist_ok=True)
    frame.write_parquet(folder / "bars.parquet")
    return FilesSource(folder, venues)


def test_symbols_outside_the_whitelist_are_refused_before_anything(lake: Lake, sample: SampleSource) -> None:
    with pytest.raises(PathRefusedError, match="refused"):
        landing(DAYS[0], symbols=("../../etc/passwd",))
    with pytest.raises(UnknownInstrumentError, match="did you mean 'SIMX:TEC09'"):
        land_instruments(lake, sample, landing(dt.date(2024, 3, 1), symbols=("SIMX:TEC99",)))


def test_instruments_are_versions_and_the_past_stays_readable(lake: Lake, venues: Venues, tmp_path: Path) -> None:
    def land(name: str, as_of: dt.date) -> int:
        frame = table({"NASDAQ:A": [1.0] * 9}).with_columns(pl.lit(name).alias("name"))
        receipt = land_instruments(lake, files(tmp_path / "in", venues, frame), landing(as_of))
        return 0 if receipt is None else receipt.rows["raw.instruments"]

    assert land("First", DAYS[2]) == 1
    assert land("First", DAYS[4]) == 0
    assert land("Second", DAYS[5]) == 2  # one closed, one opened
    assert land("Zeroth", DAYS[0]) == 1  # landed later for an earlier date: it ends where the next version begins
    versions = lake.read("raw.instruments").sort("valid_from").select("name", "valid_from", "valid_to")
    times = [as_of_clock(DAYS[index]) for index in (0, 2, 5)]
    assert versions.rows() == [
        ("Zeroth", times[0], times[1]),
        ("First", times[1], times[2]),
        ("Second", times[2], None),
    ]
    assert land("First", DAYS[2]) == 0


def test_an_instrument_that_the_source_no_longer_has_is_closed(lake: Lake, venues: Venues, tmp_path: Path) -> None:
    both = table({"NASDAQ:A": [1.0], "NASDAQ:B": [1.0]})
    land_instruments(lake, files(tmp_path / "in", venues, both), landing(DAYS[0]))
    alone = files(tmp_path / "in", venues, both.filter(pl.col("symbol") == "NASDAQ:A"))
    land_instruments(lake, alone, landing(DAYS[3]))
    ends = dict(lake.read("raw.instruments").select("symbol", "valid_to").iter_rows())
    assert ends == {"NASDAQ:A": None, "NASDAQ:B": as_of_clock(DAYS[3])}


def test_sessions_land_for_whole_years_once(lake: Lake) -> None:
    day = dt.date(2024, 3, 1)
    receipt = land_sessions(lake, ["XNYS", "24/7"], day, dt.date(2025, 2, 1), landing(day))
    assert receipt is not None
    assert receipt.rows["raw.sessions"] == 252 + 250 + 366 + 365
    assert land_sessions(lake, ["XNYS"], day, day, landing(day)) is None
    assert land_sessions(lake, [], day, day, landing(day)) is None
