"""Translate symbols into those of Yahoo."""

from __future__ import annotations

import re
from collections.abc import Callable

from ingest.reference.venues import Venues

_SUFFIXES = {
    "LSE": ".L",
    "XETR": ".DE",
    "EURONEXT": ".PA",
    "MIL": ".MI",
    "SIX": ".SW",
    "TSE": ".T",
    "TSX": ".TO",
    "ASX": ".AX",
}
_PAIR = re.compile(r"^([A-Z0-9]+?)(USDT|USDC|USD|EUR|GBP|JPY)$")
_CONTINUOUS = re.compile(r"^([A-Z0-9]+)1!$")


def yahoo_symbol(symbol: str, venues: Venues) -> str | None:
    """Return the symbol of Yahoo for `VENUE:TICKER`.

    Returns
    -------
    str or None
        None where Yahoo does not have the venue or the contract.
    """
    venue, _, ticker = symbol.partition(":")
    known = venues.by_name.get(venue)
    if known is None:
        return None
    named: dict[str, Callable[[], str | None]] = {
        "crypto": lambda: _of_crypto(venue, ticker),
        "fx": lambda: f"{ticker}=X",
        "future": lambda: _of_future(ticker),
        "index": lambda: f"^{ticker.removeprefix('^')}",
    }
    return named[known.kind]() if known.kind in named else _of_share(venue, ticker, known.country)


def _of_share(venue: str, ticker: str, country: str | None) -> str | None:
    if venue == "HKEX":
        return f"{ticker:0>4}.HK"
    if venue in _SUFFIXES:
        return ticker.replace(".", "-") + _SUFFIXES[venue]
    return ticker.replace(".", "-") if country == "US" else None


def _of_future(ticker: str) -> str | None:
    found = _CONTINUOUS.match(ticker)
    return f"{found.group(1)}=F" if found else None


def _of_crypto(venue: str, ticker: str) -> str | None:
    """Return the symbol of a composite price; Yahoo does not have the pairs of single exchanges."""
    if venue != "YAHOO_CCC":
        return None
    if "-" in ticker:
        return ticker
    found = _PAIR.match(ticker)
    return f"{found.group(1)}-{found.group(2)}" if found else None
