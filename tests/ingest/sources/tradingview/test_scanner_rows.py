from __future__ import annotations

import datetime as dt
import math
from typing import Any

import polars as pl
import pytest

from ingest.errors import MalformedError, Origin, ScannerInputError
from ingest.reference.venues import Venues
from ingest.screening.service_fields import FIELDS
from ingest.screening.service_query import build_query
from ingest.sources.protocol import INSTRUMENT_SCHEMA
from ingest.sources.tradingview.scanner_rows import ColumnConversion, instruments_of_rows
from tests.ingest.live.loopback_market import trend_scanner

FRIDAY = dt.date(2024, 5, 31)
OPENED = int(dt.datetime(2024, 5, 31, 13, 30, tzinfo=dt.UTC).timestamp())
EVENING = dt.datetime.fromisoformat("2024-05-31T21:00")
KNOWN = frozenset([*FIELDS.values(), "type", "exchange", "typespecs", "currency", "time", "description"])


def row(symbol: str = "NASDAQ:A", **changes: Any) -> dict[str, Any]:
    described = {"type": "stock", "typespecs": ["common"], "currency": "USD", "description": " Alpha ", "time": OPENED}
    scaled = {"minmov": 1, "pricescale": 100, "sector": "Electronic Technology"}
    return {"symbol": symbol, **described, **scaled, "close": 10.0, "volume": 5.0, **changes}


def columns(
    venues: Venues, *rows: dict[str, Any], at: dt.datetime = EVENING, is_present: bool = True, **scanner: Any
) -> pl.DataFrame:
    query = build_query(trend_scanner(**scanner), "america", "equity", ["NASDAQ"], KNOWN)
    conversion = ColumnConversion(
        query, venues, {"USD": 1.0, "EUR": 1.25}, at, is_present, lambda symbol: Origin("made", "host", symbol)
    )
    return conversion.frame(rows, instruments_of_rows(rows, venues, FRIDAY))


def test_a_row_becomes_a_typed_instrument(venues: Venues) -> None:
    future = row("CME:ES1!", type="futures", typespecs=["continuous"], pricescale=0, description="", sector=None)
    found = instruments_of_rows([row(), future], venues, FRIDAY)
    assert found.columns == [*INSTRUMENT_SCHEMA, "session_date"]
    names = ("symbol", "asset_class", "product", "name", "root", "country", "tick_size", "session_date")
    assert found.select(names).rows() == [
        ("CME:ES1!", "future", "continuous", None, "ES", "US", None, FRIDAY),
        ("NASDAQ:A", "equity", "cash", "Alpha", None, "US", 0.01, FRIDAY),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"symbol": "NOWHERE:A"},
        {"symbol": "NASDAQ:../A"},
        {"type": "structured"},
        {"type": "fund", "typespecs": ["mutual"]},
    ],
    ids=str,
)
def test_an_unknown_venue_or_class_is_left_out(venues: Venues, changes: dict[str, Any]) -> None:
    assert instruments_of_rows([{**row(), **changes}, row("NASDAQ:B")], venues, FRIDAY)["ticker"].to_list() == ["B"]


@pytest.mark.parametrize(("stamp", "session"), [(OPENED - 86_400, dt.date(2024, 5, 30)), (None, FRIDAY), (-1, FRIDAY)])
def test_the_session_is_that_of_the_last_bar(venues: Venues, stamp: int | None, session: dt.date) -> None:
    assert instruments_of_rows([row(time=stamp)], venues, FRIDAY)["session_date"].to_list() == [session]


def test_the_value_traded_is_in_dollars_or_unknown(venues: Venues) -> None:
    rows = [
        row(), row("NASDAQ:B", currency="EUR"), row("NASDAQ:C", currency="XXX"), row("NASDAQ:D", volume=None),
        row("NASDAQ:E", currency="EUR", **{"Value.Traded": 80.0}),
    ]  # fmt: skip
    found = columns(venues, *rows, columns=("volume",))
    assert found["value_traded_usd"].to_list() == [50.0, 62.5, None, None, 100.0]


def test_a_stale_row_and_one_without_a_positive_close_are_left_out(venues: Venues) -> None:
    rows = [row(), row("NASDAQ:B", time=OPENED - 86_400), row("NASDAQ:C", close=0.0), row("NASDAQ:D", close=None)]
    assert columns(venues, *rows)["symbol"].to_list() == ["NASDAQ:A", "NASDAQ:D"]


def test_a_session_that_still_runs_is_shown_to_a_run_about_the_present_only(venues: Venues) -> None:
    noon = dt.datetime.fromisoformat("2024-05-31T16:00")
    assert columns(venues, row(), at=noon).height == 1
    with pytest.raises(ScannerInputError, match="NASDAQ:A is of session 2024-05-31, after 2024-05-30"):
        columns(venues, row(), at=noon, is_present=False)


@pytest.mark.parametrize("value", [math.nan, math.inf, "15", True, [1.0]], ids=str)
def test_a_value_that_is_no_finite_number_refuses_the_response(venues: Venues, value: object) -> None:
    with pytest.raises(MalformedError, match=r"made \(host\), NASDAQ:A: ADX is .* and no finite number"):
        columns(venues, row(ADX=value))
    assert columns(venues, row(ADX=15))["adx"].to_list() == [15.0]
    assert columns(venues, row(ADX=None))["adx"].to_list() == [None]


def test_rows_of_indices_carry_them_and_an_empty_response_has_the_same_columns(venues: Venues) -> None:
    assert columns(venues, row(), indexes=("SP:SPX",))["indexes"].to_list() == [["SP:SPX"]]
    assert "indexes" not in columns(venues, row()).columns
    assert columns(venues).schema == columns(venues, row()).schema
