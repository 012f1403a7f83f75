from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import polars as pl
import pytest

from ingest.landing.checked_batch import CheckedBatch
from ingest.landing.scope import LandingScope
from ingest.reference.calendars import as_of_clock, sessions
from ingest.sources.protocol import BAR_SCHEMA, REFUSED_SCHEMA, BarBatch, Source
from lakehouse.connection.catalog import Lake
from lakehouse.storage.writes import Write, write

DAYS = sessions("XNYS", dt.date(2024, 3, 1), dt.date(2024, 3, 28))["session_date"].to_list()
SYMBOLS = ("NYSE:A", "NYSE:B")
CALENDARS = pl.DataFrame({"symbol": SYMBOLS, "calendar": ["XNYS", "XNYS"]})
SCOPE = LandingScope("run-1", "prep", DAYS[4], as_of_clock(DAYS[4]), fetched_at=dt.datetime.fromisoformat("2024-06-01"))


def bars(symbol: str, closes: dict[int, float]) -> pl.DataFrame:
    """Close-only bars by number of the session."""
    rows = [{"symbol": symbol, "session_date": DAYS[n], "close": close, "row_number": n} for n, close in closes.items()]
    return pl.DataFrame(rows, schema=BAR_SCHEMA)


def checked(
    lake: Lake,
    batch: BarBatch,
    *,
    first: int | None = None,
    is_remote: bool = False,
    symbols: tuple[str, ...] = SYMBOLS,
) -> CheckedBatch:
    source = cast("Source", SimpleNamespace(name="files", is_remote=is_remote))
    request = SCOPE.bar_request(symbols, None if first is None else DAYS[first])
    return CheckedBatch.check(lake, SCOPE, request, batch, source=source, calendars=CALENDARS)


@pytest.fixture(scope="module")
def lake(new_lake: Callable[[], Lake]) -> Lake:
    """A lake without a row; checking a batch writes none."""
    return new_lake()


@pytest.fixture(scope="module")
def held(new_lake: Callable[[], Lake]) -> Lake:
    """A lake with five bars of each symbol."""
    lake = new_lake()
    batch = BarBatch(SYMBOLS, pl.concat([bars(one, dict.fromkeys(range(5), 10.0)) for one in SYMBOLS]))
    found = checked(lake, batch)
    writes = [Write("raw.bars", found.bar_rows(), mode="upsert"), Write("raw.fetches", found.attempts, mode="append")]
    write(lake, writes, run_id="run-1", step="prep")
    return lake


def test_every_symbol_has_an_attempt_with_its_outcome_and_counts(lake: Lake) -> None:
    refused = pl.DataFrame(
        [{"symbol": "NYSE:C", "reason": "missing_column", "detail": "x.csv has no column close"}], schema=REFUSED_SCHEMA
    )
    batch = BarBatch(
        ("NYSE:A",), bars("NYSE:A", {0: 1.0, 1: -1.0, 2: 1.0}), refused, {"NYSE:B": "TimedOutError: no data"}, 0.5
    )
    found = checked(lake, batch)
    rows = found.attempts.select("symbol", "status", "n_bars", "n_quarantined", "attempt", "error", "seconds").rows()
    assert rows == [
        ("NYSE:A", "ok", 2, 1, 1, None, 0.5),
        ("NYSE:B", "failed", 0, 0, 1, "TimedOutError: no data", 0.5),
        ("NYSE:C", "refused", 0, 1, 1, None, 0.5),
    ]
    assert found.refused.select("symbol", "reason").rows() == [("NYSE:A", "not_positive"), ("NYSE:C", "missing_column")]
    ids = dict(found.attempts.select("symbol", "fetch_id").iter_rows())
    assert dict(found.quarantine_rows().select("symbol", "fetch_id").iter_rows()) == {
        "NYSE:A": ids["NYSE:A"], "NYSE:C": ids["NYSE:C"]
    }  # fmt: skip
    assert set(found.bar_rows()["fetch_id"]) == {ids["NYSE:A"]}


def test_a_further_attempt_of_the_run_is_counted_on(held: Lake) -> None:
    again = checked(held, BarBatch(("NYSE:A",), bars("NYSE:A", {0: 10.0})))
    assert again.attempts.select("symbol", "attempt").rows() == [("NYSE:A", 2)]


def test_a_jump_at_the_start_of_a_span_is_measured_from_the_last_bar_held(held: Lake) -> None:
    batch = BarBatch(("NYSE:A",), bars("NYSE:A", {3: 100.0, 4: 10.0}))
    continued = checked(held, batch, first=3)
    assert continued.refused.select("session_date", "reason").rows() == [(DAYS[3], "unconfirmed_jump")]
    # Read from its beginning, the series has no earlier price, and the fall is what is not confirmed.
    assert checked(held, batch).refused["session_date"].to_list() == [DAYS[4]]


@pytest.mark.parametrize(("is_remote", "dropped"), [(False, [2, 4]), (True, [4])])
def test_what_a_source_no_longer_has_is_dropped_unless_it_is_remote(
    held: Lake, is_remote: bool, dropped: list[int]
) -> None:
    """Session 2 is absent, session 4 has become bad."""
    batch = BarBatch(("NYSE:A",), bars("NYSE:A", {0: 10.0, 1: 10.0, 3: 10.0, 4: -1.0}))
    found = checked(held, batch, is_remote=is_remote)
    keys = found.dropped_keys(found.bar_rows()).sort("session_date")
    assert keys.select("symbol", "session_date").rows() == [("NYSE:A", DAYS[n]) for n in dropped]


def test_nothing_outside_the_requested_span_is_dropped(held: Lake) -> None:
    found = checked(held, BarBatch(("NYSE:A",), bars("NYSE:A", {4: 10.0})), first=3)
    assert found.dropped_keys(found.bar_rows())["session_date"].to_list() == [DAYS[3]]


def test_the_replaced_quarantine_is_that_of_the_span_and_of_the_symbols(lake: Lake) -> None:
    found = checked(lake, BarBatch(("NYSE:A",), bars("NYSE:A", {3: -1.0})), first=2)

    def replaced(*, is_every_symbol: bool) -> set[str]:
        condition, params = found.quarantine_span(is_every_symbol=is_every_symbol)
        rows = [
            ("inside", "NYSE:A", DAYS[3], "not_positive"), ("before", "NYSE:A", DAYS[1], "not_positive"),
            ("after", "NYSE:A", DAYS[6], "not_positive"), ("future", "NYSE:A", DAYS[9], "future_session"),
            ("undated", "NYSE:A", None, "missing_column"), ("other", "NYSE:B", DAYS[3], "not_positive"),
        ]  # fmt: skip
        table = pl.DataFrame(rows, schema=["row", "symbol", "session_date", "reason"], orient="row").with_columns(
            pl.lit("files").alias("source"), pl.lit("1d").alias("interval")
        )
        lake.connection.register("quarantined", table.to_arrow())
        kept = lake.connection.execute(f"select row from quarantined where {condition}", params).fetchall()  # noqa: S608
        return {str(row[0]) for row in kept}

    assert replaced(is_every_symbol=False) == {"inside", "future", "undated"}
    assert replaced(is_every_symbol=True) == {"inside", "future", "undated", "other"}
