"""Addresses of the services, their own or those set in the environment."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import SecretStr

from ingest.errors import EndpointRefusedError

TOKEN_VARIABLE = "LAKEFOLIO_TRADINGVIEW_TOKEN"  # noqa: S105  # the name of a variable, not a token
_DEFAULTS = {
    "LAKEFOLIO_TRADINGVIEW_SCANNER_URL": "https://scanner.tradingview.com",
    "LAKEFOLIO_TRADINGVIEW_HISTORY_URL": "wss://data.tradingview.com/socket.io/websocket",
    "LAKEFOLIO_BINANCE_SPOT_URL": "https://data-api.binance.vision",
    "LAKEFOLIO_BINANCE_FUTURES_URL": "https://fapi.binance.com",
    "LAKEFOLIO_YAHOO_URL": "https://query1.finance.yahoo.com",
}
_SAFE, _PLAIN = ("https", "wss"), ("http", "ws")


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses of all services; the defaults need no credentials."""

    scanner: str
    history: str
    binance_spot: str
    binance_futures: str
    yahoo: str

    @classmethod
    def from_environment(cls) -> Endpoints:
        """Read the addresses from LAKEFOLIO_*_URL; where a variable is not set, the service's own address holds.

        Raises
        ------
        EndpointRefusedError
            When an address is not encrypted and not on this machine.
        """
        return cls(*(checked(os.environ.get(name, default), name) for name, default in _DEFAULTS.items()))


def checked(url: str, name: str = "endpoint") -> str:
    """Check an address and return it without a trailing slash.

    Raises
    ------
    EndpointRefusedError
        When the address is no URL, holds a user name, or is neither encrypted nor on this machine.
    """
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in (*_SAFE, *_PLAIN) or parts.username or parts.password:
        raise EndpointRefusedError(f"{name}: give https://HOST or wss://HOST without a user name")
    if parts.scheme in _PLAIN and not is_loopback(url):
        raise EndpointRefusedError(
            f"{name}: {parts.scheme}://{parts.hostname} is not encrypted; give https:// or wss://"
        )
    return url.rstrip("/")


def is_loopback(url: str) -> bool:
    """Return whether an address is on this machine; its requests then bypass any proxy."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def host_of(url: str) -> str:
    """Return the host of an address, with the port where it has one."""
    parts = urlsplit(url)
    return parts.hostname + (f":{parts.port}" if parts.port else "") if parts.hostname else url


def tradingview_token() -> SecretStr | None:
    """Read the session token from the environment; without one requests are anonymous."""
    value = os.environ.get(TOKEN_VARIABLE, "")
    return SecretStr(value) if value else None
