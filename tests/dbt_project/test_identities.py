"""Listings of one instrument have one identity, and similar tickers of other instruments do not.

See docs/method/05-discovery-selection.md#5.4.

`identities.csv` holds real tickers of exchanges, TradingView, Yahoo and brokers. Their identities were decided by reading
rule and ticker, not by running the model.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ingest.reference.venues import Venues
from ingest.sources.instruments import with_pairs
from ingest.sources.protocol import INSTRUMENT_SCHEMA
from lakehouse.connection.catalog import Lake
from lakehouse.dbt.runner import DbtResult
from lakehouse.paths import Paths, check_symbol

Kit = dict[str, Any]
CASES = list(csv.DictReader((Path(__file__).parent / "identities.csv").read_text(encoding="utf-8").splitlines()))
# What a source says of an instrument has priority over its ticker.
DESCRIBED: list[tuple[str, str, str, dict[str, str], str]] = [
    ("SIMCRYPTO_A:WEIRD", "crypto", "spot", {"base": "1000WEIRD", "quote": "USDT"}, "CRYPTO:WEIRD"),
    ("SIMCRYPTO_A:ARBUSD", "crypto", "spot", {"quote": "BUSD"}, "CRYPTO:AR"),
    ("SIMCRYPTO_B:ARBUSD", "crypto", "spot", {"quote": "USD"}, "CRYPTO:ARB"),
    ("SIMCRYPTO_B:DOTUSD", "crypto", "spot", {"quote": "USD"}, "CRYPTO:DOT"),
    ("SIMCRYPTO_B:FOONGN", "crypto", "spot", {"quote": "NGN"}, "CRYPTO:FOO"),
    ("SIMFUT_A:ODD7", "future", "continuous", {"root": "ODD"}, "FUTURE:ODD"),
    # Of NASDAQ:AAPL, which has this country and ticker too, the ISIN is known; a contract on the share does not inherit it.
    ("SAXO:AAPL", "cfd", "cfd", {"country": "US"}, "CFD:US:AAPL"),
    ("TVC:GB10Y", "bond", "cash", {"country": "GB"}, "GB:GB10Y"),
]
QUOTES = {
    "BINANCE:ETHBTC": "BTC",
    "KRAKEN:ETHXBT": "BTC",
    "KRAKEN:XXBTZUSD": "USD",
    "KUCOIN:XBTUSDTM": "USDT",
    "BINANCE:BTCBUSD": "BUSD",
    "YAHOO_CCC:BTCBUSD": "USD",
    "BYBIT:BTCPERP": None,
    "OKX:BTC-USDT-SWAP": "USDT",
    "YAHOO_FX:JPY=X": "JPY",
}
# By side and symbol: value traded in USD and volume. BTC on four venues, gold by two months of one root, EURUSD on two
# feeds, and a share of which one listing was found long and the other short.
SCANNED: dict[tuple[str, str], tuple[float, float]] = {
    ("LONG", "BINANCE:BTCUSDT"): (3e8, 30.0),
    ("LONG", "BINANCE_USDM:BTCUSDT.P"): (8e8, 80.0),
    ("LONG", "OKX:BTC-USDT-SWAP"): (5e8, 50.0),
    ("LONG", "COINBASE:BTC-USD"): (2e8, 20.0),
    ("LONG", "BINANCE_USDM:1000PEPEUSDT.P"): (4e8, 16.0),
    ("LONG", "BINANCE:PEPEUSDT"): (3e8, 12000.0),
    ("LONG", "BINANCE_USDM:1MBABYDOGEUSDT.P"): (1e8, 2.0),
    ("LONG", "OKX:BABYDOGEUSDT"): (2e8, 4e6),
    ("LONG", "COMEX:GC1!"): (7e8, 70.0),
    ("LONG", "COMEX:GCG2026"): (9e8, 90.0),
    ("SHORT", "OANDA:EUR_USD"): (6e7, 6.0),
    ("SHORT", "FXCM:EURUSD"): (6e7, 4.0),
    ("LONG", "NYSE:BRK.B"): (4e8, 40.0),
    ("SHORT", "US:BRK-B"): (1e8, 10.0),
}


def scans(kit: Kit, classes: dict[str, tuple[str, str]]) -> Iterable[dict[str, Any]]:
    for (direction, symbol), (value, volume) in SCANNED.items():
        asset_class, product = classes[symbol]
        yield {
            **kit["scan_row"]("up" if direction == "LONG" else "down", "US:AAA", direction),
            "symbol": symbol,
            "asset_class": asset_class,
            "product": product,
            "value_traded_usd": value,
            "volume": volume,
        }


@pytest.fixture(scope="module")
def home(empty: Paths, copy_of: Callable[[Paths, str], Paths], dbt: Callable[..., DbtResult], kit: Kit) -> Paths:
    """Build the models once for all cases and scan results."""
    paths = copy_of(empty, "identities")
    rows = [
        kit["instrument_row"](case["symbol"], case["asset_class"], case["product"], isin=case["isin"] or None)
        for case in CASES
    ]
    rows += [kit["instrument_row"](symbol, kind, product, **known) for symbol, kind, product, known, _ in DESCRIBED]
    classes = {row["symbol"]: (row["asset_class"], row["product"]) for row in rows}
    kit["land"](
        paths,
        {
            "raw.instruments": kit["frame_of"]("raw.instruments", rows),
            "raw.scans": kit["frame_of"]("raw.scans", scans(kit, classes)),
            "scope.runs": kit["frame_of"]("scope.runs", [kit["run_row"](benchmark=None)]),
        },
    )
    dbt(
        paths,
        "run",
        "--select",
        "+candidates,config.materialized:table_in_place",
        "+candidates,config.materialized:incremental",
    ).require()
    return paths


@pytest.fixture(scope="module")
def identities(home: Paths, kit: Kit) -> dict[str, tuple[str, str | None]]:
    with Lake.open(home, settings=kit["SETTINGS"], read_only=True) as lake:
        rows = lake.rows("select symbol, identity, quote from intermediate.int_identities_assigned")
    return {symbol: (identity, quote) for symbol, identity, quote in rows}


@pytest.fixture(scope="module")
def identities_as_landed(
    home: Paths,
    identities: dict[str, tuple[str, str | None]],
    candidates: dict[str, dict[str, Any]],
    dbt: Callable[..., DbtResult],
    kit: Kit,
) -> dict[str, str]:
    """Land the cases as a second source with base, quote, country and currency as `ingest` adds them.

    The models hold one run at a time, so the results of the first are read before.
    """
    assert identities.keys() >= {row["symbol"] for row in candidates.values()}
    rows = [
        {**dict.fromkeys(INSTRUMENT_SCHEMA), **case, "isin": case["isin"] or None, "is_close_only": False}
        | dict(zip(("venue", "ticker"), case["symbol"].split(":", 1), strict=True))
        for case in CASES
    ]
    completed = with_pairs(pl.DataFrame(rows, schema=INSTRUMENT_SCHEMA), Venues.of(home))
    landed = [
        kit["instrument_row"](
            row.pop("symbol"), row.pop("asset_class"), row.pop("product"), **row | {"source": "second"}
        )
        for row in completed.to_dicts()
    ]
    run = kit["run_row"]("run-b", source="second", benchmark=None)
    kit["land"](
        home,
        {
            "raw.instruments": kit["frame_of"]("raw.instruments", landed),
            "scope.runs": kit["frame_of"]("scope.runs", [run]),
        },
    )
    dbt(
        home, "run", "--select", "+int_identities_assigned,config.materialized:table_in_place", run_id="run-b"
    ).require()
    with Lake.open(home, settings=kit["SETTINGS"], read_only=True) as lake:
        return dict(lake.rows("select symbol, identity from intermediate.int_identities_assigned"))


@pytest.fixture(scope="module")
def candidates(home: Paths, kit: Kit) -> dict[str, dict[str, Any]]:
    with Lake.open(home, settings=kit["SETTINGS"], read_only=True) as lake:
        return {row["identity"]: row for row in lake.query("select * from marts.candidates").to_dicts()}


def test_the_table_holds_at_least_three_hundred_cases_of_every_class_each_with_its_reason() -> None:
    counts = Counter(case["asset_class"] for case in CASES)
    assert len({case["symbol"] for case in CASES}) == len(CASES) >= 300
    assert {check_symbol(case["symbol"]) for case in CASES} == {case["symbol"] for case in CASES}
    assert set(counts) == {"crypto", "fx", "future", "equity", "etf", "bond", "cfd", "index"}
    assert min(counts["crypto"], counts["future"], counts["equity"]) >= 60
    assert all(case["why"] for case in CASES)


@pytest.mark.parametrize(
    ("symbol", "identity"),
    [*[(case["symbol"], case["identity"]) for case in CASES], *[(case[0], case[-1]) for case in DESCRIBED]],
)
def test_a_listing_has_the_identity_of_what_it_is(
    identities: dict[str, tuple[str, str | None]], symbol: str, identity: str
) -> None:
    assert identities[symbol][0] == identity


@pytest.mark.parametrize(("symbol", "quote"), QUOTES.items())
def test_a_pair_is_quoted_in_what_its_code_stands_for(
    identities: dict[str, tuple[str, str | None]], symbol: str, quote: str | None
) -> None:
    assert identities[symbol][1] == quote


@pytest.mark.parametrize(
    ("identity", "representative", "members"),
    [
        ("CRYPTO:BTC", "BINANCE_USDM:BTCUSDT.P",
         ["OKX:BTC-USDT-SWAP", "BINANCE:BTCUSDT", "COINBASE:BTC-USD"]),
        ("FUTURE:GC", "COMEX:GCG2026", ["COMEX:GC1!"]),
        # Both trade the same value, so the venue with the higher priority represents the pair.
        ("FX:EURUSD", "OANDA:EUR_USD", ["FXCM:EURUSD"]),
    ],
)  # fmt: skip
def test_volume_is_the_sum_over_venues_and_the_representatives_own(
    candidates: dict[str, dict[str, Any]], identity: str, representative: str, members: list[str]
) -> None:
    row = candidates[identity]
    of_symbol = {symbol: figures for (_, symbol), figures in SCANNED.items()}
    assert row["symbol"] == representative
    assert (row["value_traded_usd_rep"], row["volume_rep"]) == of_symbol[representative]
    listings = [of_symbol[symbol] for symbol in (representative, *members)]
    assert row["value_traded_usd"] == sum(value for value, _ in listings)
    assert row["volume"] == sum(volume for _, volume in listings)
    assert row["n_venues"] == len(listings)
    alternates = json.loads(row["alternates"])
    assert [(one["symbol"], one["value_traded_usd"]) for one in alternates] == [
        (symbol, of_symbol[symbol][0]) for symbol in members
    ]
    assert not row["is_conflict"]


@pytest.mark.parametrize(
    ("identity", "representative", "volume"),
    [
        # 16 thousands and 12 thousand coins are 28 thousands.
        ("CRYPTO:PEPE", "BINANCE_USDM:1000PEPEUSDT.P", 28.0),
        # 2 millions and 4 million coins are 6 million coins.
        ("CRYPTO:BABYDOGE", "OKX:BABYDOGEUSDT", 6e6),
    ],
)
def test_volume_of_a_multiplied_ticker_is_counted_in_the_representatives_units(
    candidates: dict[str, dict[str, Any]], identity: str, representative: str, volume: float
) -> None:
    row = candidates[identity]
    assert (row["symbol"], row["volume"]) == (representative, volume)
    assert row["value_traded_usd"] == sum(
        value for (_, symbol), (value, _) in SCANNED.items() if identity[7:] in symbol
    )


def test_two_listings_of_one_share_on_two_sides_are_a_conflict_and_the_better_side_is_kept(
    candidates: dict[str, dict[str, Any]],
) -> None:
    row = candidates["US:BRK.B"]
    assert (row["symbol"], row["direction"], row["is_conflict"]) == ("NYSE:BRK.B", 1, True)
    assert (row["value_traded_usd"], row["value_traded_usd_rep"]) == (5e8, 4e8)
    assert [one["symbol"] for one in json.loads(row["alternates"])] == ["US:BRK-B"]
    assert {identity for identity, other in candidates.items() if other["is_conflict"]} == {"US:BRK.B"}
    assert row["session_date"] == dt.date(2026, 1, 15)


def test_what_ingest_adds_changes_no_identity(identities_as_landed: dict[str, str]) -> None:
    assert {
        case["symbol"]: (case["identity"], identities_as_landed[case["symbol"]])
        for case in CASES
        if identities_as_landed[case["symbol"]] != case["identity"]
    } == {}
