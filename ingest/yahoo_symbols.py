"""What Yahoo calls the symbols of this house."""

from __future__ import annotations

import re

from ingest.venues import Venues

_SUFFIXES = {
    "LSE": ".L", "XETR": ".DE", "EURONEXT": ".PA", "MIL": ".MI", "SIX": ".SW",
    "TSE": ".T", "TSX": ".TO", "ASX": ".AX",
}
_PAIR = re.compile(r"^([A-Z0-9]+?)(USDT|USDC|USD|EUR|GBP|JPY)$")
_CONTINUOUS = re.compile(r"^([A-Z0-9]+)1!$")


def yahoo_symbol(symbol: str, venues: Venues) -> str | None:
    """Return Yahoo's name of a symbol, None where Yahoo has no such venue."""
    venue, _, ticker = symbol.partition(":")
    known = venues.by_name.get(venue)
    if known is None:
        return None
    if known.kind == "crypto":
        return _of_crypto(venue, ticker)
    if known.kind == "fx":
        return f"{ticker}=X"
    if known.kind == "future":
        found = _CONTINUOUS.match(ticker)
        return f"{found.group(1)}=F" if found else None
    if known.kind == "index":
        return ticker if ticker.startswith("^") else f"^{ticker}"
    if venue == "HKEX":
        return f"{ticker:0>4}.HK"
    if venue in _SUFFIXES:
        return ticker.replace(".", "-") + _SUFFIXES[venue]
    return ticker.replace(".", "-") if known.country == "US" else None


def _of_crypto(venue: str, ticker: str) -> str | None:
    """Name a composite; a pair of one exchange is not what Yahoo shows under the coin's name."""
    if venue != "YAHOO_CCC":
        return None
    if "-" in ticker:
        return ticker
    found = _PAIR.match(ticker)
    return f"{found.group(1)}-{found.group(2)}" if found else None
