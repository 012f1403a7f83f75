from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

from tests.servers.exchange import Exchange
from tests.servers.market import Market
from tests.servers.settings import Settings
from tests.test_servers.http_client import get, post


def scan(exchange: Exchange, market: str = "america", verb: str = "scan", **body: Any) -> Any:
    answer = post(f"{exchange.scanner_url}/{market}/{verb}", json=body, timeout=5)
    return answer.json() if answer.status_code == 200 else (answer.status_code, answer.json()["error"])


def found(exchange: Exchange, market: str = "america", **body: Any) -> set[str]:
    return {row["s"] for row in scan(exchange, market, range=[0, 1000], **body)["data"]}


@pytest.fixture(scope="module")
def small() -> Any:
    """Four instruments whose columns are written by hand, one of them unknown in everything."""
    instruments = pl.DataFrame(
        {
            "symbol": ["X:A", "X:B", "X:C", "X:D"],
            "type": ["stock", "fund", "stock", "spot"],
            "currency": ["USD"] * 4,
            "description": ["Alpha one", "Beta two", "Alphabet", None],
            "indexes": [["SP:SPX"], [], ["SP:SPX", "DJ:DJI"], []],
        }
    )
    columns = pl.DataFrame(
        {
            "symbol": ["X:A", "X:B", "X:C", "X:D"],
            "close": [10.0, 20.0, 30.0, None],
            "close[1]": [12.0, 18.0, 29.0, None],
            "EMA20": [11.0, 19.0, 15.0, None],
            "EMA20[1]": [11.0, 19.0, 15.0, None],
            "close|60": [10.5, None, 30.5, None],
            "sector": ["Finance", "Energy", None, None],
            "flag": [True, False, None, None],
            "tags": [["a", "b"], ["b"], [], None],
            "event": [1_704_240_000, 1_704_153_600, 1_706_832_000, None],
            "event_day": [20240103, 20240102, 20240202, None],
        }
    )
    bars = pl.DataFrame(
        schema={
            "symbol": pl.String,
            "session_date": pl.Date,
            "opened_at": pl.Datetime("us"),
            **dict.fromkeys(("open", "high", "low", "close", "volume"), pl.Float64),
        }
    )
    settings = Settings(now=dt.datetime(2024, 1, 3, 12, tzinfo=dt.UTC).replace(tzinfo=None))
    with Exchange(bars, instruments, columns, settings=settings) as running:
        yield running


def test_cells_come_in_column_order_with_null_where_unknown(small: Exchange) -> None:
    answer = scan(small, "global", columns=["sector", "close|60", "name"])
    assert answer["totalCount"] == 4
    assert answer["data"][1] == {"s": "X:B", "d": ["Energy", None, "B"]}


@pytest.mark.parametrize(
    ("left", "operation", "right", "expected"),
    [
        ("close", "greater", 10, "BC"),
        ("close", "egreater", 10, "ABC"),
        ("close", "less", "EMA20", "A"),
        ("close", "eless", 20, "AB"),
        ("close", "equal", 20, "B"),
        ("close", "nequal", 20, "AC"),
        ("sector", "equal", "Energy", "B"),
        ("sector", "nequal", "Energy", "A"),
        ("flag", "equal", True, "A"),
        ("close", "in_range", [10, 20], "AB"),
        ("close", "in_range", ["close[1]", 40], "BC"),
        ("close", "not_in_range", [10, 20], "C"),
        ("sector", "in_range", ["Finance", "Energy", "Tech"], "AB"),
        ("sector", "not_in_range", ["Finance"], "B"),
        ("sector", "empty", None, "CD"),
        ("sector", "nempty", None, "AB"),
        ("tags", "empty", None, "CD"),
        ("close", "crosses", "EMA20", "AB"),
        ("close", "crosses_above", "EMA20", "B"),
        ("close", "crosses_below", "EMA20", "A"),
        ("description", "match", "ALPHA", "AC"),
        ("description", "nmatch", "alpha", "B"),
        ("description", "smatch", "two", "B"),
        ("name,description", "match", "b", "BC"),
        ("tags", "has", ["a"], "A"),
        ("tags", "has", "b", "AB"),
        ("tags", "has_none_of", ["a"], "BCD"),
        ("close", "above%", ["EMA20", 1.5], "C"),
        ("close", "below%", ["EMA20", 1.0], "A"),
        ("close", "in_range%", ["EMA20", 1.0, 1.5], "B"),
        ("close", "not_in_range%", ["EMA20", 1.0, 1.5], "AC"),
        ("event", "in_day_range", [0, 0], "A"),
        ("event_day", "in_day_range", [-1, 0], "AB"),
        ("event", "in_week_range", [0, 0], "AB"),
        ("event", "in_month_range", [1, 1], "C"),
        ("close|60", "greater", "close", "AC"),
    ],
)
def test_an_operation(small: Exchange, left: str, operation: str, right: Any, expected: str) -> None:
    symbols = found(small, "global", filter=[{"left": left, "operation": operation, "right": right}])
    assert symbols == {f"X:{letter}" for letter in expected}


def test_filter_is_and_and_filter2_nests(small: Exchange) -> None:
    def of(left: str, operation: str, right: Any) -> dict[str, Any]:
        return {"expression": {"left": left, "operation": operation, "right": right}}

    either = {"operation": {"operator": "or", "operands": [of("close", "less", 15), of("close", "greater", 25)]}}
    tree = {"operator": "and", "operands": [either, of("type", "equal", "stock")]}
    assert found(small, "global", filter2=tree) == {"X:A", "X:C"}
    both = [{"left": "close", "operation": "greater", "right": 15}, {"left": "flag", "operation": "nempty"}]
    assert found(small, "global", filter=both) == {"X:B"}
    assert found(small, "global", filter2=tree, filter=both) == set()


def test_markets_types_tickers_and_indexes(small: Exchange) -> None:
    assert found(small, "america") == {"X:A", "X:B", "X:C"}
    assert found(small, "crypto") == {"X:D"}
    assert found(small, "global", markets=["crypto"]) == {"X:D"}
    assert found(small, "global", symbols={"query": {"types": ["fund", "spot"]}}) == {"X:B", "X:D"}
    assert found(small, "global", symbols={"tickers": ["X:C", "X:NOBODY"]}) == {"X:C"}
    assert found(small, "global", symbols={"symbolset": ["SYML:SP;SPX"]}) == {"X:A", "X:C"}
    assert found(small, "global", symbols={"groups": [{"type": "index", "values": ["DJ:DJI"]}]}) == {"X:C"}
    answer = post(f"{small.scanner_url}/atlantis/scan", json={})
    assert answer.status_code == 404


def test_sorting_puts_unknown_values_first_or_last_as_requested(small: Exchange) -> None:
    def order(**sort: Any) -> str:
        rows = scan(small, "global", columns=["close"], sort={"sortBy": "close", **sort})["data"]
        return "".join(row["s"][-1] for row in rows)

    assert order(sortOrder="asc") == "ABCD"
    assert order(sortOrder="desc") == "CBAD"
    assert order(sortOrder="desc", nullsFirst=True) == "DCBA"


def test_a_range_is_from_and_to(exchange: Exchange) -> None:
    whole = scan(exchange, range=[0, 1000])
    assert whole["totalCount"] == len(whole["data"]) == 50
    page = scan(exchange, range=[10, 15])
    assert page["totalCount"] == 50
    assert page["data"] == whole["data"][10:15]
    assert scan(exchange, range=[60, 70])["data"] == []
    assert len(scan(exchange)["data"]) == 50
    assert scan(exchange, range=[0, -5])[0] == 400


@pytest.mark.parametrize(
    "body",
    [
        {"columns": ["change.5"]},
        {"filter": [{"left": "change.5", "operation": "greater", "right": 1}]},
        {"filter": [{"left": "close", "operation": "greater", "right": "change.5"}]},
        {"sort": {"sortBy": "change.5", "sortOrder": "asc"}},
        {"filter2": {"operator": "and", "operands": [{"expression": {"left": "change.5", "operation": "nempty"}}]}},
    ],
)
def test_an_unknown_field_is_refused_wherever_it_stands(exchange: Exchange, body: dict[str, Any]) -> None:
    answer = post(f"{exchange.scanner_url}/america/scan", json=body)
    assert answer.status_code == 400
    assert answer.json() == {"totalCount": 0, "error": 'Unknown field "change.5"', "data": None}


def test_unknown_fields_can_be_ignored(exchange: Exchange) -> None:
    rows = scan(exchange, columns=["close", "nonsense"], range=[0, 1], ignore_unknown_fields=True)["data"]
    assert rows[0]["d"][1] is None


def test_timeframe_variants_exist_except_for_futures_and_bonds(exchange: Exchange) -> None:
    assert scan(exchange, columns=["RSI|1W", "RSI|60"], range=[0, 1])["data"][0]["d"][1] is None
    assert scan(exchange, columns=["RSI|7"]) == (400, 'Unknown field "RSI|7"')
    assert scan(exchange, "futures", columns=["RSI|1W"]) == (400, 'Unknown field "RSI|1W"')
    assert scan(exchange, "bond", columns=["RSI|1W"]) == (400, 'Unknown field "RSI|1W"')


def test_the_body_is_json_whatever_its_content_type(exchange: Exchange) -> None:
    for kind in ("application/json", "application/x-www-form-urlencoded; charset=UTF-8", "text/plain"):
        answer = post(
            f"{exchange.scanner_url}/america/scan", content=b'{"range":[0,2]}', headers={"Content-Type": kind}
        )
        assert len(answer.json()["data"]) == 2
    assert post(f"{exchange.scanner_url}/america/scan", content=b"{").status_code == 400


def test_the_columnar_form_and_the_catalogue(exchange: Exchange) -> None:
    answer = scan(exchange, verb="scan2", columns=["close", "name"], range=[0, 2])
    assert answer["fields"] == ["close", "name"]
    assert [row["s"] for row in answer["symbols"]] == ["NASDAQ:MADE1", "NASDAQ:MADE2"]
    assert answer["time"].endswith("Z")
    fields = get(f"{exchange.scanner_url}/america/metainfo").json()["fields"]
    assert {"n": "close", "t": "number", "r": None} in fields


def test_prices_are_those_of_the_last_bar(exchange: Exchange, market: Market) -> None:
    last = market.bars.sort("opened_at").group_by("symbol").last().sort("symbol")
    rows = scan(exchange, "global", columns=["close", "volume", "Value.Traded"], range=[0, 1000])["data"]
    held = dict(zip(last["symbol"], last.select("close", "volume").rows(), strict=True))
    for row in rows:
        close, volume = held[row["s"]]
        assert row["d"] == [close, volume, None if volume is None else close * volume]


def test_the_captured_catalogue_is_enforced(market: Market, field_catalogue: pl.DataFrame) -> None:
    with Exchange(market.bars, market.instruments, market.columns, catalogue=field_catalogue) as running:
        assert scan(running, columns=["Recommend.All|60", "RSI|1M"], range=[0, 1])["data"][0]["d"] == [None, None]
        assert scan(running, "futures", columns=["Recommend.All|60"])[0] == 400
        assert scan(running, columns=["change.5"])[0] == 400
        listed = get(f"{running.scanner_url}/crypto/metainfo").json()["fields"]
        assert len(listed) == field_catalogue.filter(market="crypto").height
