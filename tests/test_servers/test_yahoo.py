from __future__ import annotations

import datetime as dt
from typing import Any

import httpx
import polars as pl
import pytest

from tests.servers.exchange import Exchange
from tests.servers.market import Market
from tests.servers.settings import Settings
from tests.test_servers.http_client import get

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}


def chart(exchange: Exchange, symbol: str, **params: Any) -> httpx.Response:
    url = f"{exchange.yahoo_url}/v8/finance/chart/{symbol}"
    return get(url, params={"interval": "1d", "range": "max"} | params, headers=BROWSER, timeout=5)


def test_arrays_are_as_long_as_the_timestamps(exchange: Exchange, market: Market) -> None:
    document = chart(exchange, "MADE1").json()["chart"]
    (result,) = document["result"]
    expected = market.bars.filter(symbol="NASDAQ:MADE1").sort("opened_at")
    assert document["error"] is None
    assert result["timestamp"] == expected["opened_at"].dt.epoch("s").to_list()
    for name in ("open", "high", "low", "close", "volume"):
        assert result["indicators"]["quote"][0][name] == expected[name].to_list()
    assert result["indicators"]["adjclose"][0]["adjclose"] == expected["close"].to_list()
    assert result["meta"]["currency"] == "USD"


@pytest.mark.parametrize("alias", ["FX1USD", "FX1USD=X"])
def test_yahoo_names_of_currencies_and_their_missing_volume(exchange: Exchange, alias: str) -> None:
    result = chart(exchange, alias).json()["chart"]["result"][0]
    assert result["meta"]["instrumentType"] == "CURRENCY"
    assert set(result["indicators"]["quote"][0]["volume"]) == {None}


def test_yahoo_names_of_coins(exchange: Exchange) -> None:
    assert chart(exchange, "COIN1-USDT").json()["chart"]["result"][0]["meta"]["instrumentType"] == "CRYPTOCURRENCY"


def test_periods_and_ranges(exchange: Exchange) -> None:
    at = chart(exchange, "MADE1").json()["chart"]["result"][0]["timestamp"]
    some = chart(exchange, "MADE1", period1=at[3], period2=at[6]).json()["chart"]["result"][0]
    assert some["timestamp"] == at[3:6], "period2 is not included"
    assert len(chart(exchange, "MADE1", range="5d").json()["chart"]["result"][0]["timestamp"]) < 6
    assert chart(exchange, "MADE1", range="fortnight").status_code == 400
    none = chart(exchange, "MADE1", period1=0, period2=1).json()["chart"]["result"][0]
    assert "timestamp" not in none


def test_errors(exchange: Exchange) -> None:
    bare = get(f"{exchange.yahoo_url}/v8/finance/chart/MADE1", headers={"User-Agent": "python"})
    assert (bare.status_code, bare.text.strip()) == (429, "Too Many Requests")
    unknown = chart(exchange, "NOBODY")
    assert unknown.status_code == 404
    assert unknown.json()["chart"] == {
        "result": None,
        "error": {"code": "Not Found", "description": "No data found, symbol may be delisted"},
    }
    minute = chart(exchange, "MADE1", interval="15m", period1=1, period2=2)
    assert minute.status_code == 422
    assert "15m data not available for startTime=1 and endTime=2" in minute.json()["chart"]["error"]["description"]


def test_nulls_events_adjusted_closes_and_a_live_last_element() -> None:
    days = [dt.datetime(2024, 1, day, 14, 30, tzinfo=dt.UTC).replace(tzinfo=None) for day in (2, 3, 4)]
    bars = pl.DataFrame(
        {
            "symbol": ["X:A"] * 3,
            "session_date": [day.date() for day in days],
            "opened_at": days,
            "open": [100.0, None, 52.0],
            "high": [110.0, None, 55.0],
            "low": [90.0, None, 50.0],
            "close": [104.0, float("nan"), 51.0],
            "volume": [1000.0, None, 2000.0],
            "adj_close": [52.0, None, 51.0],
            "dividend": [None, 0.25, None],
            "split": [None, None, 1.5],
        }
    )
    instruments = pl.DataFrame({"symbol": ["X:A"], "type": ["stock"], "currency": ["USD"], "description": ["A"]})
    now = days[-1] + dt.timedelta(hours=2)
    with Exchange(bars, instruments, instruments.select("symbol"), settings=Settings(now=now)) as running:
        result = chart(running, "A", events="div,splits").json()["chart"]["result"][0]
        quiet = chart(running, "A", includeAdjustedClose="false").json()["chart"]["result"][0]
    at = [int(day.replace(tzinfo=dt.UTC).timestamp()) for day in days]
    assert result["timestamp"] == [at[0], at[1], int(now.replace(tzinfo=dt.UTC).timestamp())]
    assert result["indicators"]["quote"][0]["close"] == [104.0, None, 51.0]
    assert result["indicators"]["adjclose"][0]["adjclose"] == [52.0, None, 51.0]
    assert result["events"]["dividends"] == {str(at[1]): {"amount": 0.25, "date": at[1]}}
    split = {"date": at[2], "numerator": 3.0, "denominator": 2.0, "splitRatio": "3:2"}
    assert result["events"]["splits"] == {str(at[2]): split}
    assert "adjclose" not in quiet["indicators"]
    assert "events" not in quiet
