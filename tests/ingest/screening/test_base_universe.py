from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import ScannerConfigError
from ingest.screening.predicates import evaluate
from ingest.screening.scanners import Filter, Scanner, load_scanners
from ingest.screening.service_fields import FIELDS, code_of, field_of, word_of
from ingest.screening.service_query import build_query

VENUES = ("BINANCE", "OKX", "BYBIT", "KRAKEN")
GOOD = {"perf_w": 1.0, "perf_1m": 1.0, "perf_3m": 2.0}
KNOWN = frozenset([*FIELDS.values(), "market_cap_calc", "RSI|1W", "Mom|1W", "type", "typespecs", "exchange"])


def scanner(**changes: object) -> Scanner:
    result = {"name": "mine_price_momentum_long", "title": "Mine", "direction": "LONG", "strategy": "price_momentum"}
    return Scanner.model_validate({**result, "asset_classes": ("crypto",), "product": "spot", **changes})


def row(symbol: str, **values: object) -> dict[str, object]:
    fixed = {"session_date": dt.date(2024, 3, 8), "asset_class": "crypto", "product": "spot"}
    result = {"symbol": symbol, **fixed, "venue": symbol.partition(":")[0], "value_traded_usd": 1e7, **GOOD}
    return {**result, "market_cap_usd": 1e9, "indexes": None, **values}


def frame(*rows: dict[str, object]) -> pl.DataFrame:
    schema = {"indexes": pl.List(pl.String), "market_cap_usd": pl.Float64, "value_traded_usd": pl.Float64}
    return pl.DataFrame(list(rows), schema_overrides=schema)


def reasons(of: Scanner, *rows: dict[str, object]) -> dict[str, str]:
    return dict(evaluate(of, frame(*rows)).select("symbol", "reason").iter_rows())


def test_members_of_any_index_are_in_and_unknown_membership_is_out() -> None:
    result = reasons(
        scanner(indexes=("SP:SPX", "DJ:DJI")),
        row("OKX:A", indexes=["DJ:DJI", "X:Y"]),
        row("OKX:B", indexes=["NASDAQ:NDX"]),
        row("OKX:C", indexes=[]),
        row("OKX:D"),
    )
    none = "indexes name none of SP:SPX, DJ:DJI"
    assert result == {"OKX:A": "passed", "OKX:B": none, "OKX:C": none, "OKX:D": "missing indexes"}


def test_without_the_column_nobody_is_a_member() -> None:
    checked = evaluate(scanner(indexes=("SP:SPX",)), frame(row("OKX:A"), row("OKX:B")).drop("indexes"))
    assert checked["reason"].to_list() == ["missing indexes"] * 2


def test_the_first_venue_of_the_list_keeps_a_ticker() -> None:
    result = reasons(
        scanner(venue_priority=("BINANCE", "OKX")),
        row("OKX:A"),
        row("BINANCE:A"),
        row("KRAKEN:A"),
        row("OKX:B"),
        row("KRAKEN:C"),
        row("BYBIT:C"),
    )
    assert {symbol for symbol, reason in result.items() if reason == "passed"} == {
        "BINANCE:A",
        "OKX:B",
        "KRAKEN:C",
        "BYBIT:C",
    }
    assert (result["OKX:A"], result["KRAKEN:A"]) == (
        "venue OKX gives way to BINANCE",
        "venue KRAKEN gives way to BINANCE",
    )


def test_a_listing_that_an_earlier_condition_excludes_displaces_no_other() -> None:
    mine = scanner(venue_priority=("BINANCE", "OKX"), value_traded_min_usd=1e6, market_cap_rank_max=1)
    result = reasons(
        mine,
        row("BINANCE:A", value_traded_usd=5.0),
        row("OKX:A", market_cap_usd=2.0),
        row("BYBIT:BIG", value_traded_usd=5.0, market_cap_usd=9e9),
        row("BYBIT:SMALL", market_cap_usd=1.0),
    )
    assert result["OKX:A"] == "passed"
    assert result["BYBIT:SMALL"] == "market_cap_usd is number 2, 1 are kept"
    assert result["BINANCE:A"] == "value_traded_usd 5.0 is below the floor 1e+06"


def test_an_instrument_that_fails_a_rule_stays_in_the_base_universe() -> None:
    mine = scanner(venue_priority=("BINANCE", "OKX"), market_cap_rank_max=1)
    result = reasons(
        mine, row("BINANCE:A", perf_w=-1.0, market_cap_usd=5.0), row("OKX:A"), row("OKX:B", market_cap_usd=4.0)
    )
    assert result["OKX:A"] == "venue OKX gives way to BINANCE"
    assert result["OKX:B"] == "market_cap_usd is number 2, 1 are kept"
    assert result["BINANCE:A"] == "perf_w -1.0 is not > 0.0"


def test_an_unknown_size_is_out_and_equal_sizes_go_by_symbol() -> None:
    mine = scanner(market_cap_rank_max=2)
    rows = [
        row("OKX:C"),
        row("OKX:A"),
        row("OKX:B"),
        row("OKX:D", market_cap_usd=None),
        row("OKX:E", market_cap_usd=float("nan")),
    ]
    result = reasons(mine, *rows)
    assert [symbol for symbol, reason in result.items() if reason == "passed"] == ["OKX:A", "OKX:B"]
    assert result["OKX:D"] == result["OKX:E"] == "missing market_cap_usd"
    absent = evaluate(mine, frame(*rows).drop("market_cap_usd"))
    assert absent["reason"].to_list() == ["missing market_cap_usd"] * 5


LISTING = st.tuples(
    st.sampled_from(VENUES),
    st.sampled_from("ABCDE"),
    st.sampled_from([None, 1.0, 2.0, 3.0]),
    st.sampled_from([1.0, 9.0]),
)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(LISTING, max_size=14, unique_by=lambda one: one[:2]),
    st.integers(1, 4),
    st.permutations(VENUES[:3]),
    st.randoms(use_true_random=False),
)
def test_the_universe_equals_that_of_a_plain_loop(listings, most, priority, random) -> None:  # type: ignore[no-untyped-def]
    mine = scanner(venue_priority=tuple(priority), market_cap_rank_max=most, value_traded_min_usd=5.0)
    rows = [
        row(f"{venue}:{ticker}", market_cap_usd=cap, value_traded_usd=traded) for venue, ticker, cap, traded in listings
    ]
    random.shuffle(rows)
    index = {venue: number for number, venue in enumerate(priority)}
    liquid = [one for one in listings if one[3] >= 5.0]
    best: dict[str, int] = {}
    for venue, ticker, _, _ in liquid:
        best[ticker] = min(best.get(ticker, 99), index.get(venue, len(index)))
    speaking = [one for one in liquid if index.get(one[0], len(index)) == best[one[1]]]
    sized = sorted((-cap, f"{venue}:{ticker}") for venue, ticker, cap, _ in speaking if cap is not None)
    expected = {symbol for _, symbol in sized[:most]}
    checked = evaluate(mine, frame(*rows)) if rows else None
    assert (set() if checked is None else set(checked.filter("passed")["symbol"])) == expected


def test_a_relative_universe_is_requested_completely_and_members_by_their_index() -> None:
    relative = build_query(scanner(venue_priority=("OKX",)), "crypto", "crypto", ["OKX"], KNOWN)
    assert {one.left for one in relative.filters} == {"type", "exchange"}
    assert "Perf.W" in relative.columns
    members = build_query(scanner(indexes=("SP:SPX", "DJ:DJI")), "america", "equity", ["NYSE"], KNOWN)
    assert members.body(0, 5)["symbols"] == {
        "query": {"types": []},
        "tickers": [],
        "symbolset": ["SYML:SP;SPX", "SYML:DJ;DJI"],
    }
    assert (members.path_market, members.body(0, 5)["markets"], relative.path_market) == (
        "global",
        ["america"],
        "crypto",
    )
    sized = build_query(scanner(market_cap_rank_max=5), "crypto", "crypto", ["OKX"], KNOWN)
    assert sized.fields["market_cap_usd"] == "market_cap_calc"
    blind = build_query(scanner(market_cap_rank_max=5), "crypto", "crypto", ["OKX"], KNOWN - {"market_cap_calc"})
    assert blind.missing == ("market_cap_usd",)


def test_a_timeframe_is_a_suffix_and_only_where_the_service_has_it() -> None:
    assert field_of("rsi|1W", "mine") == "RSI|1W"
    for column, hint in (("perf_w|1W", "daily only"), ("rsi|2W", "1W"), ("rsy|1W", "did you mean 'rsi'")):
        with pytest.raises(ScannerConfigError, match=hint):
            field_of(column, "mine")
    weekly = scanner(strategy="multi_timeframe", direction="SHORT")
    requested = {
        (one.left, one.operation, one.right)
        for one in build_query(weekly, "crypto", "crypto", ["OKX"], KNOWN).filters[2:]
    }
    assert ("RSI|1W", "eless", 50.0) in requested
    assert ("Mom|1W", "less", -0.0) in requested
    assert build_query(weekly, "futures", "future", ["CME"], KNOWN - {"RSI|1W"}).missing == ("rsi|1W",)


def test_an_interval_moves_the_rules_that_count_bars() -> None:
    weekly = scanner(strategy="trend_momentum", interval="1W")
    assert [rule.column for rule in weekly.rules] == ["adx|1W", "recommend_all|1W", "perf_w", "perf_1m", "perf_3m"]
    mixed = scanner(strategy="multi_timeframe", interval="1M")
    assert [rule.column for rule in mixed.rules] == ["rsi|1W", "momentum10|1W", "adx|1M", "recommend_all|1M", "perf_w"]
    requested = build_query(weekly, "crypto", "crypto", ["OKX"], KNOWN | {"ADX|1W", "Recommend.All|1W"})
    assert [one.left for one in requested.filters[2:4]] == ["ADX|1W", "Recommend.All|1W"]
    result = reasons(weekly, row("OKX:A", **{"adx|1W": 20.0, "recommend_all|1W": 0.2, "adx": 0.0}))
    assert result == {"OKX:A": "passed"}
    assert (
        reasons(weekly, row("OKX:A", adx=20.0, recommend_all=0.2))["OKX:A"]
        == "missing adx|1W; missing recommend_all|1W"
    )


def test_depth_and_interval_stand_over_the_files(configs: Path) -> None:
    (mine,) = load_scanners(configs, ("crypto_spot_trend_long",), limit=3, interval="1W")
    (plain,) = load_scanners(configs, ("crypto_spot_trend_long",))
    assert (mine.limit, mine.interval, plain.limit, plain.interval) == (3, "1W", 500, "1d")
    assert mine.model_copy(update={"limit": 500, "interval": "1d"}) == plain
    for over, message in (({"limit": 0}, "limit 0 is refused"), ({"interval": "2W"}, "interval '2W' is refused")):
        with pytest.raises(ScannerConfigError, match=message):
            load_scanners(configs, None, **over)  # type: ignore[arg-type]


def test_words_of_funds_are_the_services_codes_both_ways() -> None:
    bonds = scanner(filters=(Filter(left="fund_class", operation="in_range", right=("fixed_income", "equity")),))
    requested = build_query(bonds, "america", "etf", ["AMEX"], KNOWN).filters[-1]
    assert requested.left == "asset_class"
    # The service's code of a class is the MD5 of its name.
    assert requested.right == ["b6e443a6c4a8a2e7918c5dbf3d45c796", "c05f85d35d1cd0be6ebb2af4be16e06a"]
    codes = {"size_and_style": "26", "sector": "27"}
    assert {word: code_of("fund_category", word, "mine") for word in codes} == codes
    assert code_of("fund_focus", "theme", "mine") == "58"
    assert word_of("fund_class", code_of("fund_class", "commodities", "mine")) == "commodities"  # type: ignore[arg-type]
    assert (word_of("fund_category", "999"), word_of("fund_category", None), word_of("sector", "27")) == (
        "999",
        None,
        "27",
    )
    with pytest.raises(ScannerConfigError, match="did you mean 'fixed_income'"):
        code_of("fund_class", "fixed_incom", "mine")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"indexes": ("SPX",)}, "VENUE:TICKER"),
        ({"market_cap_rank_max": 0}, "greater than or equal to 1"),
        ({"venue_priority": ("OKX", "OKX")}, "twice"),
        ({"venues": ("OKX",), "venue_priority": ("BINANCE",)}, "none of the venues"),
    ],
)
def test_a_universe_that_contradicts_itself_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        scanner(**changes)
