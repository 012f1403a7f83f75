"""Run third-party clients of the real services against the loopback exchange.

They need packages that the project does not depend on, so they run in an environment of their own, with
tradingview-screener, tvscreener, tradingview-ta, tradingview-datafeed, binance-connector, polars, numpy, websockets and
pytest in it; elsewhere each class of tests is skipped and says what is missing. `python -m pytest
tests/test_servers/test_foreign_clients.py` from the project's root runs them there.

Run and passed against this exchange:

| client | what was run |
|---|---|
| TradingView-Screener 3.2.2 | its query tests that need a server, re-expressed (default range of 50, limit 10, offset 10 |
|   | gives 40, offset 10 and limit 15 give 5; order by ascending, descending, nulls first, nulls last; above and below by |
|   | percent, with a strict edge; between and not between by percent; negative limit is an HTTP error; two nested |
|   | and/or chains), and what its documentation shows (default columns and filters, close against a number and against a |
|   | column, between two columns, isin, like, set_tickers over several markets, crypto market, unknown field 400, scan2) |
| tvscreener 0.8.1 | its functional tests that do not hang on the state of the real market (a malformed comparison is |
|   | refused, range, search, column order, technical names, primary filter), and-or groups, the default field lists of its |
|   | screeners against the captured catalogue, field catalogue, quotes over the websocket, symbol error over the websocket |
| tradingview-ta 3.3.0 | get_multiple_analysis of two symbols, with the unknown one reported as absent |
| tradingview-datafeed 2.1.1 | daily history with and without volume, weekly history, an unknown symbol |
| binance-connector 3.13.0 | klines by limit and by time, used weight, an error code |

Left out: TradingView-Screener's tests of URLs and query dictionaries (they need no server) and of its README, and
tvscreener's tests of particular listings (named companies, countries, over-the-counter tiers).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

from tests.servers.exchange import Exchange
from tests.servers.market import Market

# Foreign code warns as it likes.
pytestmark = pytest.mark.filterwarnings("default")

EVERYTHING = 100_000


@pytest.fixture(scope="module")
def wide(market: Market) -> Iterator[Exchange]:
    """Made-up market with every column of the default queries, and enough instruments for their pages."""
    names = ["fundamental_currency_code", "sector", "AnalystRating"]
    more = ["pricescale", "minmov", "minmove2", "relative_volume_10d_calc", "price_earnings_ttm"]
    more += ["earnings_per_share_diluted_ttm", "earnings_per_share_diluted_yoy_growth_ttm", "MACD.macd", "MACD.signal"]
    columns = market.columns.with_columns(
        *(pl.lit("text").alias(name) for name in names),
        *(pl.lit(1.5).alias(name) for name in more),
        pl.lit(value=False).alias("fractional"),
    )
    repeated = pl.concat([_renamed(market.instruments, turn) for turn in range(4)])
    values = pl.concat([_renamed(columns, turn) for turn in range(4)])
    bars = pl.concat([_renamed(market.bars, turn) for turn in range(4)])
    with Exchange(bars, repeated, values) as running:
        yield running


def _renamed(frame: pl.DataFrame, turn: int) -> pl.DataFrame:
    return frame if turn == 0 else frame.with_columns(pl.col("symbol").str.replace(":", f":{'ABC'[turn - 1]}"))


class TestTradingViewScreener:
    @pytest.fixture(autouse=True)
    def _pointed_here(self, wide: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
        self.module: Any = pytest.importorskip("tradingview_screener.query", reason="tradingview-screener is absent")
        self.col: Any = pytest.importorskip("tradingview_screener").col
        monkeypatch.setattr(self.module, "URL", wide.scanner_url + "/{market}/scan")

    def query(self, market: str = "america") -> Any:
        return self.module.Query().set_markets(market)

    def test_the_default_query_and_its_columns(self) -> None:
        total, frame = self.query().get_scanner_data()
        assert list(frame.columns[:4]) == ["ticker", "name", "close", "type"]
        assert total > len(frame) == 50
        assert frame["market_cap_basic"].is_monotonic_decreasing
        assert set(frame["type"]) == {"stock"}, "funds of type etf are left out by the default filter"

    def test_limit_and_offset_are_the_ends_of_a_range(self) -> None:
        assert len(self.query().limit(10).get_scanner_data()[1]) == 10
        assert len(self.query().offset(10).get_scanner_data()[1]) == 40
        assert len(self.query().offset(10).limit(15).get_scanner_data()[1]) == 5

    def test_a_negative_limit_is_an_http_error(self) -> None:
        requests = pytest.importorskip("requests")
        with pytest.raises(requests.HTTPError):
            self.query().limit(-5).get_scanner_data()

    def test_an_unknown_field_is_named_in_the_error(self) -> None:
        requests = pytest.importorskip("requests")
        with pytest.raises(requests.HTTPError, match=r"Unknown field .+change\.5"):
            self.query().select("close").where(self.col("change.5") > 1).get_scanner_data()

    def test_order_by(self) -> None:
        def ordered(name: str, **options: bool) -> Any:
            return self.query().select(name).order_by(name, **options).limit(EVERYTHING).get_scanner_data()[1][name]

        assert ordered("close", ascending=True).is_monotonic_increasing
        assert ordered("close", ascending=False).is_monotonic_decreasing
        first = ordered("dividends_yield_current", nulls_first=True)
        last = ordered("dividends_yield_current", nulls_first=False)
        assert first.isna().any()
        assert first.notna().any()
        assert first.isna().is_monotonic_decreasing
        assert last.isna().is_monotonic_increasing

    def test_above_and_below_by_percent(self) -> None:
        query, col = self.query().select("close", "price_52_week_low").limit(EVERYTHING), self.col
        strict = col("price_52_week_low").above_pct("price_52_week_low", 1)
        assert query.copy().where(strict).get_scanner_data()[0] == 0
        total = query.get_scanner_data()[0]
        above, frame = query.copy().where(col("close").above_pct("price_52_week_low", 1.1)).get_scanner_data()
        assert 0 < above < total
        assert (frame["close"] > frame["price_52_week_low"] * 1.1).all()
        below, frame = query.copy().where(col("close").below_pct("price_52_week_low", 1.1)).get_scanner_data()
        assert (frame["close"] < frame["price_52_week_low"] * 1.1).all()
        assert above + below == total

    def test_between_and_not_between_by_percent(self) -> None:
        query, col = self.query().select("close", "EMA20").limit(EVERYTHING), self.col
        inside, frame = query.copy().where(col("close").between_pct("EMA20", 1.0, 1.05)).get_scanner_data()
        assert frame["close"].between(frame["EMA20"], frame["EMA20"] * 1.05).all()
        outside, frame = query.copy().where(col("close").not_between_pct("EMA20", 1.0, 1.05)).get_scanner_data()
        assert (~frame["close"].between(frame["EMA20"], frame["EMA20"] * 1.05)).all()
        assert inside > 0
        assert inside + outside == query.get_scanner_data()[0]

    def test_and_or_chains(self) -> None:
        chain, either, col = self.module.And, self.module.Or, self.col
        kinds = either(
            chain(col("type") == "stock", col("typespecs").has(["common"])),
            chain(col("type") == "stock", col("typespecs").has(["preferred"])),
            chain(col("type") == "dr"),
            chain(col("type") == "fund", col("typespecs").has_none_of(["etf"])),
        )
        funds = either(chain(col("typespecs").has(["etn"])), chain(col("typespecs").has(["etf"])))
        assert self.query().where2(chain(kinds)).get_scanner_data()[0] == 160
        assert self.query().where2(chain(funds)).get_scanner_data()[0] == 40

    def test_a_number_a_column_and_a_pair_of_columns_to_compare_with(self) -> None:
        query, col = self.query().select("close", "VWAP", "EMA5", "EMA20").limit(EVERYTHING), self.col
        count, frame = query.copy().where(col("close") >= 350).get_scanner_data()
        assert count == len(frame) > 0
        assert (frame["close"] >= 350).all()
        _, frame = query.copy().where(col("close") >= col("VWAP")).get_scanner_data()
        assert (frame["close"] >= frame["VWAP"]).all()
        count, frame = query.copy().where(col("close").between(col("EMA5"), col("EMA20"))).get_scanner_data()
        assert count > 0
        assert frame["close"].between(frame["EMA5"], frame["EMA20"]).all()

    def test_isin_and_like(self) -> None:
        query, col = self.query().select("type", "description").limit(EVERYTHING), self.col
        query.query["filter2"] = {"operator": "and", "operands": []}
        assert query.copy().where(col("type").isin(["fund"])).get_scanner_data()[0] == 40
        _, frame = query.copy().where(col("description").like("STOCK 4")).get_scanner_data()
        assert set(frame["description"]) == {"Made up stock 4", "Made up stock 40"}

    def test_tickers_over_several_markets(self) -> None:
        requested = ["NASDAQ:MADE2", "BINANCE:COIN1USDT.P", "FX_IDC:FX1USD", "NYSE:NOBODY"]
        query = self.module.Query().select("name", "market", "close").set_tickers(*requested)
        query.query["filter2"] = {"operator": "and", "operands": []}
        count, frame = query.get_scanner_data()
        assert count == 3
        assert set(frame["market"]) == {"america", "crypto", "forex"}

    def test_the_columnar_reply(self, wide: Exchange) -> None:
        query = self.query().select("close", "volume").limit(3)
        query.url = wide.scanner_url + "/america/scan2"
        _, frame = query.get_scanner_data()
        assert list(frame.columns) == ["ticker", "close", "volume"]
        assert len(frame) == 3


class TestTvScreener:
    @pytest.fixture(autouse=True)
    def _pointed_here(self, wide: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tv: Any = pytest.importorskip("tvscreener", reason="tvscreener is absent")
        scanner: Any = pytest.importorskip("tvscreener.scanner")
        socket: Any = pytest.importorskip("tvscreener._websocket")
        for name in ("stock", "crypto", "forex"):
            module: Any = pytest.importorskip(f"tvscreener.core.{name}")
            monkeypatch.setattr(module, "get_url", lambda kind: f"{wide.scanner_url}/{kind}/scan")
        monkeypatch.setattr(scanner, "SCANNER_URL", wide.scanner_url)
        monkeypatch.setattr(socket, "WEBSOCKET_URL", wide.history_url)

    def screener(self) -> Any:
        field = self.tv.StockField
        return self.tv.StockScreener().select(field.NAME, field.DESCRIPTION, field.PRICE, field.VOLUME)

    def test_the_default_range_is_150_rows(self) -> None:
        assert len(self.screener().get()) == 150

    def test_symbol_name_and_description_come_first(self) -> None:
        frame = self.screener().get()
        assert list(frame.columns[:3]) == ["Symbol", "Name", "Description"]
        assert frame.loc[0, "Symbol"].endswith(":" + frame.loc[0, "Name"])
        frame.set_technical_columns(only=True)
        assert list(frame.columns) == ["symbol", "name", "description", "close", "volume", "update_mode"]

    def test_search_and_the_primary_filter(self) -> None:
        screener = self.screener()
        screener.search("MADE1")
        screener.add_filter(self.tv.ExtraFilter.PRIMARY, self.tv.FilterOperator.EQUAL, values=True)
        names = set(screener.get()["Name"])
        assert {"MADE1", "MADE19", "AMADE10"} <= names
        assert "MADE2" not in names

    def test_a_malformed_comparison_is_refused(self) -> None:
        screener = self.screener()
        screener.add_filter(self.tv.StockField.TYPE, self.tv.FilterOperator.ABOVE_OR_EQUAL, "test")
        with pytest.raises(self.tv.MalformedRequestException):
            screener.get()

    def test_groups_of_conditions(self) -> None:
        field = self.tv.StockField
        frame = self.screener().where((field.PRICE < 20) | (field.PRICE > 400)).get()
        assert len(frame) > 0
        assert ((frame["Price"] < 20) | (frame["Price"] > 400)).all()

    def test_quotes_over_the_websocket(self, wide: Exchange) -> None:
        socket: Any = pytest.importorskip("tvscreener._websocket")
        quotes = socket.get_quote_fields(["NASDAQ:MADE1", "NASDAQ:NOBODY"], ["lp", "currency_code"], timeout=5)
        assert quotes["NASDAQ:NOBODY"] is None
        assert quotes["NASDAQ:MADE1"]["currency_code"] == "USD"
        assert wide.requests.of("history", "quote_add_symbols")

    def test_a_symbol_error_over_the_websocket(self) -> None:
        socket: Any = pytest.importorskip("tvscreener._websocket")
        with pytest.raises(socket.TradingViewWebSocketError, match="invalid symbol"):
            socket.run_studies("NASDAQ:NOBODY", {"any": ("Any@tv-basicstudies", {})}, timeout=5)

    def test_the_field_catalogue(self) -> None:
        scanner: Any = pytest.importorskip("tvscreener.scanner")
        fields = scanner.get_metainfo("america").set_index("name")["type"]
        assert fields["close"] == "number"
        assert fields["typespecs"] == "set"

    def test_its_default_fields_are_in_the_captured_catalogue(
        self, market: Market, field_catalogue: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Fields that the real scanner serves although they are not in its list.
        unlisted = ("isin", "cusip", "Perf.Y.MarketCap", "fundamental_currency_code")
        columns = market.columns.with_columns(pl.lit(None).alias(name) for name in unlisted)
        with Exchange(market.bars, market.instruments, columns, catalogue=field_catalogue) as real_fields:
            for name in ("stock", "crypto", "forex"):
                module: Any = pytest.importorskip(f"tvscreener.core.{name}")
                monkeypatch.setattr(module, "get_url", lambda kind: f"{real_fields.scanner_url}/{kind}/scan")
            assert len(self.tv.StockScreener().get()) == 50
            assert len(self.tv.CryptoScreener().get()) == 16
            assert len(self.tv.ForexScreener().get()) == 4


class TestTradingViewTa:
    def test_several_symbols_at_once(self, wide: Exchange, market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
        ta: Any = pytest.importorskip("tradingview_ta", reason="tradingview-ta is absent")
        main: Any = pytest.importorskip("tradingview_ta.main")
        monkeypatch.setattr(main.TradingView, "scan_url", wide.scanner_url + "/")
        monkeypatch.setattr(main.TradingView, "indicators", ["RSI", "close", "EMA5", "EMA20", "open", "volume"])
        monkeypatch.setattr(main, "calculate", lambda **given: given["indicators"])
        requested = ["NASDAQ:MADE1", "NASDAQ:NOBODY"]
        found = ta.get_multiple_analysis("america", ta.Interval.INTERVAL_1_DAY, requested, timeout=5)
        expected = market.columns.row(by_predicate=pl.col("symbol") == "NASDAQ:MADE1", named=True)
        assert found["NASDAQ:NOBODY"] is None
        assert found["NASDAQ:MADE1"]["RSI"] == expected["RSI"]


class TestTvDatafeed:
    @pytest.fixture
    def feed(self, wide: Exchange, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
        main: Any = pytest.importorskip("tvDatafeed.main", reason="tradingview-datafeed is absent")
        connect = main.create_connection
        monkeypatch.setattr(main, "create_connection", lambda _url, **options: connect(wide.history_url, **options))
        feed = main.TvDatafeed()
        yield feed
        feed.ws.close()  # it leaves that to others

    @pytest.mark.parametrize("symbol", ["NASDAQ:MADE3", "BINANCE:COIN1USDT.P"])
    def test_daily_history(self, feed: Any, market: Market, symbol: str) -> None:
        venue, ticker = symbol.split(":")
        frame = feed.get_hist(ticker, venue, n_bars=20)
        expected = market.bars.filter(symbol=symbol).sort("opened_at").tail(20)
        for name in ("open", "high", "low", "close", "volume"):
            assert frame[name].tolist() == expected[name].to_list()
        assert [moment.timestamp() for moment in frame.index.to_pydatetime()] == [
            at.timestamp() for at in expected["opened_at"].dt.replace_time_zone("UTC")
        ]

    def test_history_without_volume(self, feed: Any, market: Market) -> None:
        frame = feed.get_hist("FX1USD", "FX_IDC", n_bars=5)
        expected = market.bars.filter(symbol="FX_IDC:FX1USD").sort("opened_at").tail(5)
        assert frame["close"].tolist() == expected["close"].to_list()
        assert frame["volume"].tolist() == [0.0] * 5, "that client writes 0 where there is no volume"

    def test_weekly_history(self, feed: Any) -> None:
        main: Any = pytest.importorskip("tvDatafeed.main")
        frame = feed.get_hist("MADE3", "NASDAQ", interval=main.Interval.in_weekly, n_bars=100)
        assert len(frame) == 12, "sixty sessions of five a week"


class TestBinanceConnector:
    @pytest.fixture
    def spot(self, wide: Exchange) -> Any:
        package: Any = pytest.importorskip("binance.spot", reason="binance-connector is absent")
        return package.Spot(base_url=wide.binance_spot_url, show_limit_usage=True, timeout=5)

    def test_klines_by_limit_and_by_time(self, spot: Any, market: Market) -> None:
        expected = market.bars.filter(symbol="BINANCE:COIN1USDT").sort("opened_at")
        answer = spot.klines("COIN1USDT", "1d", limit=3)
        assert [float(row[4]) for row in answer["data"]] == expected["close"].tail(3).to_list()
        first, second = (int(answer["data"][at][0]) for at in (0, 1))
        answer = spot.klines("COIN1USDT", "1d", startTime=first, endTime=second)
        assert [row[0] for row in answer["data"]] == [first, second]
        assert int(answer["limit_usage"]["x-mbx-used-weight-1m"]) >= 4

    def test_an_unknown_symbol_has_its_number(self, spot: Any) -> None:
        error: Any = pytest.importorskip("binance.error")
        with pytest.raises(error.ClientError) as caught:
            spot.klines("NOBODY", "1d")
        assert caught.value.status_code == 400
        assert caught.value.error_code == -1121
