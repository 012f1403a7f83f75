"""Identity as data: which listings are the same instrument, and which only look so (quant.md 5.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lakehouse.catalog import Lake
from lakehouse.dbt import DbtResult
from lakehouse.paths import Paths

Kit = dict[str, Any]
CRYPTO = {
    "BINANCE:BTCUSDT": "BTC", "BINANCE:BTCUSDC": "BTC", "BINANCE:BTCFDUSD": "BTC", "BINANCE:BTCBUSD": "BTC",
    "COINBASE:BTCUSD": "BTC", "KRAKEN:XBTUSD": "BTC", "BITSTAMP:BTCEUR": "BTC", "YAHOO_CCC:BTC-USD": "BTC",
    "OKX:BTC-USDT-SWAP": "BTC", "BINANCE_USDM:BTCUSDT.P": "BTC", "BYBIT:BTCUSD.F": "BTC", "BYBIT:BTCPERP": "BTC",
    "BINANCE_USDM:BTCUSDT_250627": "BTC", "OKX:BTC-USDT-250627": "BTC", "BYBIT:BTC-27JUN25": "BTC",
    "BINANCE_USDM:BTCUSDTU2025": "BTC", "BINANCE:ETHBTC": "ETH", "BINANCE:ETHUSDT": "ETH",
    "YAHOO_CCC:BNBUSD": "BNB", "BINANCE:BNBUSDT": "BNB", "YAHOO_CCC:DOTUSD": "DOT", "BINANCE:DOTUSDT": "DOT",
    "BINANCE:1INCHUSDT": "1INCH", "BINANCE_USDM:1000PEPEUSDT.P": "PEPE", "BINANCE:PEPEUSDT": "PEPE",
    "BINANCE_USDM:1000SHIBUSDT.P": "SHIB", "BYBIT:SHIB1000USDT.P": "SHIB", "BINANCE_USDM:10000LADYSUSDT.P": "LADYS",
    "BINANCE_USDM:1000000MOGUSDT.P": "MOG", "BINANCE_USDM:1MBABYDOGEUSDT.P": "BABYDOGE", "OKX:1000XUSDT": "1000X",
    "OKX:1000SATSUSDT": "SATS", "OKX:0GUSDT": "0G", "BYBIT:2ZUSDT": "2Z", "OKX:42USDT": "42", "OKX:3ULLUSDT": "3ULL",
    "KRAKEN:XDGUSD": "DOGE", "BINANCE:DOGEUSDT": "DOGE", "BINANCE:LUNAUSDT": "LUNA", "BINANCE:LUNCUSDT": "LUNC",
    "BINANCE:PERPUSDT": "PERP", "BINANCE:SUSDT": "S", "BINANCE:USDCUSDT": "USDC", "OKX:1MILUSDT": "1MIL",
}  # fmt: skip
FX = {
    "YAHOO_FX:EURUSD": "EURUSD", "ECB:EURUSD": "EURUSD", "OANDA:EUR_USD": "EURUSD", "FX:EURUSD=X": "EURUSD",
    "ECB:USDAUD": "USDAUD", "YAHOO_FX:AUDUSD": "AUDUSD", "FX_IDC:USDCNH": "USDCNH", "YAHOO_FX:USDCNY": "USDCNY",
}  # fmt: skip
FUTURES = {
    "CME:ES1!": "ES", "CME:ES2!": "ES", "CME:ESZ2025": "ES", "CME:ESH26": "ES", "COMEX:SI1!": "SI",
    "COMEX:SIL1!": "SIL", "COMEX:SIX1!": "SIX1!", "CME:6E1!": "6E", "NYMEX:CLZ5": "CL", "CBOT:ZN1!": "ZN",
    "CME:BTC1!": "BTC", "COMEX:GCG2026": "GC",
}  # fmt: skip
SHARES = {
    "NYSE:BRK.B": "US:BRK.B", "US:BRK-B": "US:BRK.B", "NASDAQ:BRK_B": "US:BRK.B", "NYSE:BRK.A": "US:BRK.A",
    "AMEX:SPY": "US:SPY", "US:SPY": "US:SPY", "LSE:SPY": "GB:SPY", "NYSE:SI": "US:SI", "NYSE:SIL": "US:SIL",
    "TSX:BRK.B": "CA:BRK.B",
}  # fmt: skip


@pytest.fixture(scope="module")
def identities(homes: Callable[[str], Paths], dbt: Callable[..., DbtResult], kit: Kit) -> dict[str, str]:
    paths = homes("identities")
    rows = [
        *[kit["instrument_row"](symbol, "crypto", "dated" if "27JUN25" in symbol else "spot") for symbol in CRYPTO],
        *[kit["instrument_row"](symbol, "fx", "spot") for symbol in FX],
        *[kit["instrument_row"](symbol, "future", "continuous") for symbol in FUTURES],
        *[kit["instrument_row"](symbol, "equity", "cash") for symbol in SHARES],
        kit["instrument_row"]("XETR:SAP", "equity", "cash", isin="DE0007164600"),
        kit["instrument_row"]("NYSE:SAP", "equity", "cash", isin="DE0007164600"),
        kit["instrument_row"]("US:SAP", "equity", "cash"),
        kit["instrument_row"]("CBOE:^VIX", "index", "index"),
        kit["instrument_row"]("NYSE:VIX", "equity", "cash"),
        kit["instrument_row"]("SIMCRYPTO_A:WEIRD", "crypto", "spot", base="1000WEIRD", quote="USDT"),
        kit["instrument_row"]("SIMFUT_A:ODD7", "future", "continuous", root="ODD"),
    ]
    kit["land"](
        paths,
        {
            "raw.instruments": kit["frame_of"]("raw.instruments", rows),
            "results.runs": kit["frame_of"]("results.runs", [kit["run_row"]()]),
        },
    )
    dbt(paths, "build", "--select", "+int_identities_merged", "--exclude-resource-type", "test", "unit_test").require()
    with Lake.open(paths, settings=kit["SETTINGS"], read_only=True) as lake:
        return dict(lake.rows("select symbol, identity from intermediate.int_identities_merged"))


@pytest.mark.parametrize(
    ("symbol", "identity"),
    [
        *[(symbol, f"CRYPTO:{base}") for symbol, base in CRYPTO.items()],
        *[(symbol, f"FX:{pair}") for symbol, pair in FX.items() if symbol not in SHARES],
        *[(symbol, f"FUTURE:{root}") for symbol, root in FUTURES.items()],
        *SHARES.items(),
        ("XETR:SAP", "ISIN:DE0007164600"),
        ("NYSE:SAP", "ISIN:DE0007164600"),
        ("US:SAP", "ISIN:DE0007164600"),
        ("CBOE:^VIX", "INDEX:US:VIX"),
        ("NYSE:VIX", "US:VIX"),
        ("SIMCRYPTO_A:WEIRD", "CRYPTO:WEIRD"),
        ("SIMFUT_A:ODD7", "FUTURE:ODD"),
    ],
)
def test_a_listing_has_the_identity_of_what_it_is(identities: dict[str, str], symbol: str, identity: str) -> None:
    assert identities[symbol] == identity
