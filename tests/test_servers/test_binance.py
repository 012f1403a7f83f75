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

DAY_MS = 86_400_000


def klines(exchange: Exchange, *, spot: bool = True, **params: Any) -> httpx.Response:
    base = f"{exchange.binance_spot_url}/api/v3" if spot else f"{exchange.binance_futures_url}/fapi/v1"
    return get(f"{base}/klines", params={"symbol": "COIN1USDT", "interval": "1d"} | params, timeout=5)


def held(market: Market, symbol: str = "BINANCE:COIN1USDT") -> pl.DataFrame:
    return market.bars.filter(symbol=symbol).sort("opened_at").with_columns(ms=pl.col("opened_at").dt.epoch("ms"))


def test_a_row_has_twelve_columns_and_prices_are_texts_that_read_back(exchange: Exchange, market: Market) -> None:
    rows = klines(exchange).json()
    expected = held(market)
    assert len(rows) == 60
    assert {len(row) for row in rows} == {12}
    assert [row[0] for row in rows] == expected["ms"].to_list()
    assert [row[6] for row in rows] == [at + DAY_MS - 1 for at in expected["ms"]]
    for at, name in enumerate(("open", "high", "low", "close", "volume"), start=1):
        assert {type(row[at]) for row in rows} == {str}
        assert [float(row[at]) for row in rows] == expected[name].to_list()


def test_spot_and_perpetual_are_different_instruments(exchange: Exchange, market: Market) -> None:
    rows = klines(exchange, spot=False).json()
    assert [float(row[4]) for row in rows] == held(market, "BINANCE:COIN1USDT.P")["close"].to_list()
    info = get(f"{exchange.binance_futures_url}/fapi/v1/exchangeInfo").json()["symbols"]
    assert [one["symbol"] for one in info] == [f"COIN{number}USDT" for number in range(1, 9)]
    assert info[0]["baseAsset"] == "COIN1"


def test_without_times_the_latest_come_and_with_a_start_the_first(exchange: Exchange, market: Market) -> None:
    at = held(market)["ms"].to_list()
    assert [row[0] for row in klines(exchange, limit=3).json()] == at[-3:]
    assert [row[0] for row in klines(exchange, startTime=at[10], limit=3).json()] == at[10:13]
    assert [row[0] for row in klines(exchange, startTime=at[10], endTime=at[11]).json()] == at[10:12]
    assert [row[0] for row in klines(exchange, endTime=at[11], limit=2).json()] == at[10:12]
    assert klines(exchange, startTime=at[-1] + 1).json() == []


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"symbol": "NOBODY"}, -1121),
        ({"symbol": "BTC/USDT"}, -1100),
        ({"symbol": ""}, -1102),
        ({"interval": ""}, -1102),
        ({"interval": "2d"}, -1120),
        ({"limit": "many"}, -1100),
        ({"limit": "0"}, -1130),
    ],
)
def test_errors_have_their_numbers(exchange: Exchange, params: dict[str, str], code: int) -> None:
    answer = klines(exchange, **params)
    assert answer.status_code == 400
    assert answer.json()["code"] == code


def test_weight_is_counted_and_its_limit_kept(market: Market) -> None:
    settings = Settings(spot_weight_limit=5, futures_weight_limit=12, refusals_before_ban=2)
    with Exchange(market.bars, market.instruments, market.columns, settings=settings) as running:
        assert [klines(running).headers["X-MBX-USED-WEIGHT-1M"] for _ in range(2)] == ["2", "4"]
        refused = [klines(running) for _ in range(3)]
        assert [answer.status_code for answer in refused] == [429, 429, 418]
        assert all(1 <= int(answer.headers["Retry-After"]) <= 60 for answer in refused)
        assert refused[0].json()["code"] == -1003
        weights = [(99, 1), (499, 3), (1000, 8)]
        for limit, used in weights:
            assert klines(running, spot=False, limit=limit).headers["X-MBX-USED-WEIGHT-1M"] == str(used)
        assert klines(running, spot=False, limit=1500).status_code == 429


def test_the_last_row_may_be_unfinished(market: Market) -> None:
    last = market.bars["opened_at"].max()
    assert isinstance(last, dt.datetime)
    now = dt.datetime.combine(last.date(), dt.time(6))
    with Exchange(market.bars, market.instruments, market.columns, settings=Settings(now=now)) as running:
        row = klines(running, limit=1).json()[0]
    close = held(market).filter(pl.col("opened_at") <= now)["ms"].to_list()[-1]
    assert row[0] == close
    assert klines_are_final(row, now) is (row[6] < now.replace(tzinfo=dt.UTC).timestamp() * 1000)


def klines_are_final(row: list[Any], now: dt.datetime) -> bool:
    return dt.datetime.fromtimestamp(row[6] / 1000, dt.UTC).replace(tzinfo=None) < now
