from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import polars as pl
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.servers.exchange import Exchange
from tests.servers.market import Market
from tests.servers.settings import Settings
from tests.test_servers.chart_client import ChartClient, bars_of, talk

SYMBOL = "NASDAQ:MADE1"


def values(market: Market, symbol: str) -> list[list[float]]:
    rows = market.bars.filter(symbol=symbol).sort("opened_at")
    stamps = [at.timestamp() for at in rows["opened_at"].dt.replace_time_zone("UTC")]
    names = ["open", "high", "low", "close", "volume"]
    return [
        [stamp, *(cell for cell in row if cell is not None)]
        for stamp, row in zip(stamps, rows.select(names).iter_rows(), strict=True)
    ]


def test_a_series_is_announced_sent_and_ended(exchange: Exchange, market: Market) -> None:
    async def script(client: ChartClient) -> list[dict[str, Any]]:
        await client.open_series(SYMBOL, 10)
        return await client.until("series_completed")

    heard = talk(exchange.history_url, script)
    assert [one["m"] for one in heard] == ["symbol_resolved", "series_loading", "timescale_update", "series_completed"]
    assert heard[0]["p"][2]["full_name"] == SYMBOL
    assert heard[1]["p"] == ["cs_a", "sds_1", "s1"]
    assert heard[2]["p"][1]["sds_1"]["t"] == "s1"
    assert heard[3]["p"] == ["cs_a", "sds_1", "endofday", "s1"]
    assert bars_of(heard) == values(market, SYMBOL)[-10:]
    assert all({"t", "t_ms"} <= one.keys() for one in heard)


def test_bars_without_volume_have_five_elements(exchange: Exchange, market: Market) -> None:
    async def script(client: ChartClient) -> list[dict[str, Any]]:
        await client.open_series("FX_IDC:FX1USD", 3)
        return await client.until("series_completed")

    assert bars_of(talk(exchange.history_url, script)) == values(market, "FX_IDC:FX1USD")[-3:]


def test_a_series_of_closes_has_four_equal_prices() -> None:
    at = dt.datetime(2024, 1, 2)  # noqa: DTZ001 naive UTC
    nothing = pl.lit(None, dtype=pl.Float64)
    bars = pl.DataFrame({"symbol": ["ECB:EURUSD"], "session_date": [at.date()], "opened_at": [at], "close": [1.1]})
    bars = bars.with_columns(nothing.alias(name) for name in ("open", "high", "low", "volume"))
    instruments = pl.DataFrame({"symbol": ["ECB:EURUSD"], "type": ["forex"], "currency": ["USD"], "description": [""]})

    async def script(client: ChartClient) -> list[dict[str, Any]]:
        await client.open_series("ECB:EURUSD", 3)
        return await client.until("series_completed")

    with Exchange(bars, instruments, instruments.select("symbol")) as running:
        assert bars_of(talk(running.history_url, script)) == [[1704153600.0, 1.1, 1.1, 1.1, 1.1]]


def test_older_bars_come_on_request_and_some_come_again(exchange: Exchange, market: Market) -> None:
    async def script(client: ChartClient) -> list[list[dict[str, Any]]]:
        await client.open_series(SYMBOL, 10)
        pages = [await client.until("series_completed")]
        for _ in range(3):
            await client.say("request_more_data", "cs_a", "sds_1", 30)
            pages.append(await client.until("series_completed"))
        return pages

    first, second, third, fourth = (bars_of(page) for page in talk(exchange.history_url, script))
    expected = values(market, SYMBOL)
    assert second == expected[-40:-10] + first[:2]
    assert third == expected[:-40] + second[:2]
    assert fourth == [], "there is nothing before the first bar"


def test_weeks_and_months_are_gathered(exchange: Exchange, market: Market) -> None:
    async def script(client: ChartClient) -> list[dict[str, Any]]:
        await client.open_series(SYMBOL, 1)
        await client.until("series_completed")
        await client.say("create_series", "cs_a", "sds_2", "s1", "sym_1", "1W", 100, "")
        return await client.until("series_completed")

    weeks = bars_of(talk(exchange.history_url, script), "sds_2")
    rows = market.bars.filter(symbol=SYMBOL).sort("opened_at").group_by_dynamic("session_date", every="1w")
    expected = rows.agg(pl.col("open").first(), pl.col("high").max(), pl.col("low").min(), pl.col("close").last())
    assert [week[1:5] for week in weeks] == [list(row[1:]) for row in expected.iter_rows()]


def test_a_series_can_end_at_a_time(exchange: Exchange, market: Market) -> None:
    expected = values(market, SYMBOL)

    async def script(client: ChartClient) -> list[dict[str, Any]]:
        await client.open_series(SYMBOL, 1)
        await client.until("series_completed")
        span = ["bar_count", expected[20][0], 5]
        await client.say("create_series", "cs_a", "sds_2", "s1", "sym_1", "1D", span)
        return await client.until("series_completed")

    assert bars_of(talk(exchange.history_url, script), "sds_2") == expected[16:21]


def test_a_modified_and_a_removed_series(exchange: Exchange, market: Market) -> None:
    async def script(client: ChartClient) -> Any:
        await client.open_series(SYMBOL, 5)
        await client.until("series_completed")
        await client.say("resolve_symbol", "cs_a", "sym_2", "NASDAQ:MADE2")
        await client.say("modify_series", "cs_a", "sds_1", "s2", "sym_2", "1D", "")
        modified = await client.until("series_completed")
        await client.say("remove_series", "cs_a", "sds_1")
        await client.say("request_more_data", "cs_a", "sds_1", 5)
        return modified, await client.hear()

    modified, refused = talk(exchange.history_url, script)
    assert modified[-1]["p"][-1] == "s2"
    assert bars_of(modified) == values(market, "NASDAQ:MADE2")[-5:]
    assert refused["m"] == "critical_error"


def test_an_unknown_symbol_is_an_error_and_then_silence(exchange: Exchange) -> None:
    async def script(client: ChartClient) -> Any:
        await client.open_series("NASDAQ:NOBODY", 5)
        error = await client.hear()
        with pytest.raises(TimeoutError):
            await client.hear(0.2)
        return error

    assert talk(exchange.history_url, script)["p"] == ["cs_a", "sym_1", "invalid symbol"]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("create_series", ["cs_a", "sds_1", "s1", "sym_9", "1D", 5, ""]),
        ("create_series", ["cs_a", "sds_1", "s1", "sym_1", "1D", -5, ""]),
        ("create_series", ["cs_b", "sds_1", "s1", "sym_1", "1D", 5, ""]),
        ("create_series", ["cs_a", "sds_1"]),
        ("request_more_data", ["cs_a", "sds_9", 5]),
        ("resolve_symbol", ["cs_a", "sym_1", "={no json"]),
    ],
)
def test_wrong_parameters_are_a_critical_error(exchange: Exchange, method: str, params: list[Any]) -> None:
    async def script(client: ChartClient) -> Any:
        await client.say("chart_create_session", "cs_a", "")
        await client.say("resolve_symbol", "cs_a", "sym_1", SYMBOL)
        await client.hear()
        await client.say(method, *params)
        return await client.hear()

    error = talk(exchange.history_url, script)
    assert error["m"] == "critical_error"
    assert error["p"][1] == "invalid parameters"
    assert error["p"][2].startswith(f"method: {method}. args: ")


def test_an_unsupported_resolution_is_a_series_error(exchange: Exchange) -> None:
    async def script(client: ChartClient) -> Any:
        await client.say("chart_create_session", "cs_a", "")
        await client.say("resolve_symbol", "cs_a", "sym_1", SYMBOL)
        await client.hear()
        await client.say("create_series", "cs_a", "sds_1", "s1", "sym_1", "2", 5, "")
        return await client.hear()

    assert talk(exchange.history_url, script)["p"] == ["cs_a", "sds_1", "s1", "custom_resolution"]


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ('~m~46~m~{"m":"set_auth_token","p":["a wrong token!!!"]}', "wrong or expired token"),
        ("no frame at all", "no frame"),
        ('~m~999~m~{"m":"x","p":[]}', "beyond the message"),
        ('~m~22~m~{"m":"nonsense","p":[]}'.replace("22", "23"), "unknown method"),
    ],
)
def test_a_protocol_error_ends_the_connection(exchange: Exchange, sent: str, text: str) -> None:
    async def script(client: ChartClient) -> Any:
        body = sent.rpartition("~m~")[2]
        fits = sent if "beyond" in text or not body.startswith("{") else f"~m~{len(body)}~m~{body}"
        await client.connection.send(fits)
        error = await client.hear()
        with pytest.raises(ConnectionClosed):
            await client.hear()
        return error

    error = talk(exchange.history_url, script)
    assert error["m"] == "protocol_error"
    assert text in error["p"][0]


def test_limits_of_sessions_and_connections(market: Market) -> None:
    settings = Settings(max_sessions=2, max_connections=1)
    with Exchange(market.bars, market.instruments, market.columns, settings=settings) as running:

        async def script(client: ChartClient) -> Any:
            for name in ("cs_a", "cs_b", "cs_c"):
                await client.say("chart_create_session", name, "")
            with pytest.raises(InvalidStatus, match="429"):
                await asyncio.to_thread(talk, running.history_url, script)
            return await client.hear()

        assert talk(running.history_url, script)["p"][:2] == ["cs_c", "max sessions limit exceeded"]


def test_a_series_holds_no_more_than_the_plan_allows(market: Market) -> None:
    with Exchange(market.bars, market.instruments, market.columns, settings=Settings(max_bars=20)) as running:

        async def script(client: ChartClient) -> Any:
            await client.open_series(SYMBOL, 50)
            first = await client.until("series_completed")
            await client.say("request_more_data", "cs_a", "sds_1", 50)
            return bars_of(first), bars_of(await client.until("series_completed"))

        first, second = talk(running.history_url, script)
        assert len(first) == 20
        assert second == []


def test_a_client_that_does_not_echo_the_heartbeat_is_disconnected(market: Market) -> None:
    settings = Settings(heartbeat_seconds=0.05)
    with Exchange(market.bars, market.instruments, market.columns, settings=settings) as running:

        async def silent(client: ChartClient) -> None:
            client.echoes = False
            with pytest.raises(ConnectionClosed):
                await client.hear()

        async def echoing(client: ChartClient) -> None:
            with pytest.raises(TimeoutError):
                await client.hear(0.4)
            await client.say("chart_create_session", "cs_a", "")

        talk(running.history_url, silent)
        talk(running.history_url, echoing)


def test_the_unfinished_bar_makes_the_series_a_streaming_one(market: Market) -> None:
    last = market.bars.filter(symbol="BINANCE:COIN1USDT")["opened_at"].max()
    assert isinstance(last, dt.datetime)
    settings = Settings(now=last - dt.timedelta(hours=12))
    with Exchange(market.bars, market.instruments, market.columns, settings=settings) as running:

        async def script(client: ChartClient) -> list[dict[str, Any]]:
            await client.open_series("BINANCE:COIN1USDT", 5)
            return await client.until("series_completed")

        heard = talk(running.history_url, script)
        assert heard[-1]["p"][2] == "streaming"
        assert bars_of(heard) == values(market, "BINANCE:COIN1USDT")[-6:-1], "the next bar has not opened yet"
        running.now = last
        heard = talk(running.history_url, script)
        assert bars_of(heard) == values(market, "BINANCE:COIN1USDT")[-5:]


def test_quotes(exchange: Exchange, market: Market) -> None:
    async def script(client: ChartClient) -> list[dict[str, Any]]:
        await client.say("quote_create_session", "qs_a")
        await client.say("quote_set_fields", "qs_a", "lp", "currency_code")
        await client.say("quote_add_symbols", "qs_a", SYMBOL)
        return await client.until("quote_completed")

    quote, _ = talk(exchange.history_url, script)
    assert quote["p"][1] == {"n": SYMBOL, "s": "ok", "v": {"lp": values(market, SYMBOL)[-1][4], "currency_code": "USD"}}
