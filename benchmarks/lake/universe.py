"""List the instruments of a generated market: equities, ETFs, currency pairs, coins and futures at real venues."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from string import ascii_uppercase

import polars as pl

from ingest.reference.venues import Venues
from lakehouse.paths import Paths

BENCHMARK = "AMEX:SPY"
#: Share of each class; equities are the rest. There are not more currency pairs than pairs of `CURRENCIES`.
SHARES = {"etf": 0.10, "fx": 0.06, "crypto": 0.12, "future": 0.06}
#: Of two currencies the earlier one is the base of the pair.
CURRENCIES = (
    "EUR", "GBP", "AUD", "NZD", "USD", "CAD", "CHF", "SGD", "PLN", "ILS", "BRL", "HKD", "TRY", "DKK", "SEK", "NOK", "MXN",
    "ZAR", "CZK", "TWD", "THB", "INR", "PHP", "RUB", "JPY", "HUF", "CLP", "KRW", "COP", "IDR",
)  # fmt: skip
EQUITY_VENUES = ("NASDAQ", "NYSE", "NASDAQ", "NYSE", "NASDAQ", "NYSE", "NASDAQ", "LSE", "XETR", "TSE")
FUTURE_VENUES = ("CME", "CBOT", "COMEX", "NYMEX")
CLUSTER_SIZE = 25
_LETTER = {"equity": "E", "etf": "X", "crypto": "K", "future": "F"}
_PRODUCT = {"equity": "cash", "etf": "cash", "fx": "spot", "crypto": "spot", "future": "continuous"}


@dataclass(frozen=True, slots=True)
class Listing:
    """One instrument.

    Attributes
    ----------
    calendar : str
        Calendar of its venue.
    cluster : str
        Instruments of one cluster share a factor; for a currency pair, empty.
    base, quote : str
        The two currencies of a pair; empty for other instruments.
    """

    symbol: str
    asset_class: str
    calendar: str
    currency: str
    cluster: str
    base: str = ""
    quote: str = ""


def list_instruments(n_instruments: int) -> list[Listing]:
    """List so many instruments, the benchmark first.

    Every tenth coin is listed at a second venue with another path of prices, so that identities have two listings.

    Raises
    ------
    ValueError
        When fewer than 20 are requested; a market needs every class.
    """
    if n_instruments < 20:
        raise ValueError(f"{n_instruments} instruments were requested; a market needs at least 20")
    venues = Venues.of(Paths.at())
    pairs = sorted(combinations(CURRENCIES, 2), key=lambda pair: "USD" not in pair)
    counts = {name: max(2, round(share * n_instruments)) for name, share in SHARES.items()}
    counts["fx"] = min(counts["fx"], len(pairs))
    counts["etf"] -= 1
    counts["equity"] = n_instruments - 1 - sum(counts.values())
    listings = [Listing(BENCHMARK, "etf", venues.calendar_of(BENCHMARK), "USD", "market")]
    for base, quote in pairs[: counts.pop("fx")]:
        symbol = f"FX:{base}{quote}"
        listings.append(Listing(symbol, "fx", venues.calendar_of(symbol), quote, "", base, quote))
    for asset_class, count in sorted(counts.items()):
        n_clusters = max(2, round(count / CLUSTER_SIZE))
        for number, symbol in enumerate(_symbols(asset_class, count)):
            venue = venues.require(symbol.partition(":")[0])
            cluster = f"{asset_class} {number % n_clusters:03d}"
            currency = venue.currency or "USD"
            listings.append(Listing(symbol, asset_class, venue.calendar, currency, cluster))
    return listings


def _symbols(asset_class: str, count: int) -> Iterator[str]:
    """Return the symbols of one class."""
    for number in range(count):
        code = _LETTER[asset_class] + _letters(number)
        if asset_class == "crypto":
            yield f"OKX:{_LETTER[asset_class]}{_letters(number - 1)}USDT" if number % 10 == 9 else f"BINANCE:{code}USDT"
        elif asset_class == "future":
            yield f"{FUTURE_VENUES[number % len(FUTURE_VENUES)]}:{code}1!"
        elif asset_class == "etf":
            yield f"ARCA:{code}"
        else:
            yield f"{EQUITY_VENUES[number % len(EQUITY_VENUES)]}:{code}"


def _letters(number: int, width: int = 4) -> str:
    """Write a number in base 26 with letters as digits."""
    digits = []
    for _ in range(width):
        number, digit = divmod(number, len(ascii_uppercase))
        digits.append(ascii_uppercase[digit])
    return "".join(reversed(digits))


def describe(listings: list[Listing]) -> pl.DataFrame:
    """Return the rows of symbols.csv, in the columns that the source `files` reads."""
    return pl.DataFrame(
        {
            "symbol": [listing.symbol for listing in listings],
            "asset_class": [listing.asset_class for listing in listings],
            "product": [_PRODUCT[listing.asset_class] for listing in listings],
            "name": [f"Generated {listing.symbol.partition(':')[2]}" for listing in listings],
            "sector": [listing.cluster or "currencies" for listing in listings],
            "currency": [listing.currency for listing in listings],
            "root": [
                listing.symbol.partition(":")[2].rstrip("1!") if listing.asset_class == "future" else None
                for listing in listings
            ],
        }
    )
