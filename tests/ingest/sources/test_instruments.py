from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from ingest.reference.venues import Venues
from ingest.sources.instruments import classify, describe, instrument_row, with_pairs
from ingest.sources.protocol import ASSET_CLASSES, INSTRUMENT_SCHEMA, PRODUCTS


def paired(venues: Venues, symbol: str, asset_class: str, **fields: object) -> dict[str, object]:
    product = "cash" if asset_class == "equity" else "spot"
    frame = pl.DataFrame([instrument_row(symbol, asset_class, product, **fields)], schema=INSTRUMENT_SCHEMA)
    return with_pairs(frame, venues).row(0, named=True)


@pytest.mark.parametrize(
    ("given", "kind", "product", "expected"),
    [
        ("equity", None, None, ("equity", "cash")),
        ("Stock", None, None, ("equity", "cash")),
        (None, "crypto", None, ("crypto", "spot")),
        ("crypto_perp", "crypto", None, ("crypto", "perp")),
        ("future", None, "dated", ("future", "dated")),
        ("spaceship", None, None, (None, None)),
        (None, None, None, (None, None)),
    ],
)
def test_words_of_sources_become_classes_and_products(
    given: str | None, kind: str | None, product: str | None, expected: tuple[str | None, str | None]
) -> None:
    schema = dict.fromkeys(("asset_class", "kind", "product"), pl.String())
    row = classify(pl.DataFrame([(given, kind, product)], schema=schema, orient="row")).row(0, named=True)
    assert (row["asset_class"], row["product"]) == expected
    assert row["asset_class"] in (*ASSET_CLASSES, None)
    assert row["product"] in (*PRODUCTS, None)


@pytest.mark.parametrize(
    ("symbol", "asset_class", "pair"),
    [
        ("BINANCE:ETHUSDT", "crypto", ("ETH", "USDT")),
        ("BINANCE:ETHUSDT.P", "crypto", ("ETH", "USDT")),
        ("KRAKEN:ETHEUR", "crypto", ("ETH", "EUR")),
        ("BINANCE:BNBUSD", "crypto", (None, None)),
        ("KRAKEN:XXBTZUSD", "crypto", (None, None)),
        ("YAHOO_CCC:BTC-USD", "crypto", (None, None)),
        ("FX_IDC:EURUSD", "fx", ("EUR", "USD")),
        ("FX_IDC:XAUUSDX", "fx", (None, None)),
        ("NYSE:ETHUSDT", "equity", (None, None)),
    ],
)
def test_a_pair_is_split_where_only_one_reading_is_possible(
    venues: Venues, symbol: str, asset_class: str, pair: tuple[str | None, str | None]
) -> None:
    row = paired(venues, symbol, asset_class)
    assert (row["base"], row["quote"]) == pair


def test_the_currency_of_the_source_decides_the_quote(venues: Venues) -> None:
    named = paired(venues, "BINANCE:ETHBTC", "crypto", currency="BTC")
    assert (named["base"], named["quote"], named["currency"]) == (None, "BTC", "BTC")
    kept = paired(venues, "BINANCE:ETHUSDT", "crypto", base="WETH", quote="USD")
    assert (kept["base"], kept["quote"]) == ("WETH", "USD")


def test_country_and_currency_come_from_the_venue_where_they_are_not_given(venues: Venues) -> None:
    assert [paired(venues, "NYSE:A", "equity")[name] for name in ("country", "currency")] == ["US", "USD"]
    given = paired(venues, "NYSE:A", "equity", country="BM", currency="EUR")
    assert (given["country"], given["currency"]) == ("BM", "EUR")
    pair = paired(venues, "BINANCE:ETHUSDT", "crypto")
    assert (pair["country"], pair["currency"]) == (None, "USDT")


def test_bars_are_described_whatever_their_order() -> None:
    texts = {name: None for name in INSTRUMENT_SCHEMA if name not in ("symbol", "is_close_only", "first_session")}
    rows = pl.DataFrame(
        [
            {**texts, "symbol": symbol, "name": name, "session_date": dt.date(2024, 3, day), "open": opened}
            for symbol, name, day, opened in (
                ("NYSE:B", None, 8, None), ("NYSE:A", "Beta", 7, None), ("NYSE:A", "Alpha", 6, 1.0), ("NYSE:B", "B", 9, None)
            )
        ],
        schema={**INSTRUMENT_SCHEMA, "session_date": pl.Date(), "open": pl.Float64()},
    ).with_columns(pl.lit(None, pl.Float64).alias("high"), pl.lit(None, pl.Float64).alias("low"))  # fmt: skip
    found = describe(rows.drop("is_close_only", "first_session", "ticker").lazy())
    assert found.select("symbol", "ticker", "name", "is_close_only", "first_session").rows() == [
        ("NYSE:A", "A", "Alpha", False, dt.date(2024, 3, 6)),
        ("NYSE:B", "B", "B", True, dt.date(2024, 3, 8)),
    ]
    assert describe(rows.drop("is_close_only", "first_session", "ticker").reverse().lazy()).equals(found)
