from __future__ import annotations

import pytest

from ingest.errors import EndpointRefusedError
from ingest.transport.endpoints import Endpoints, checked, host_of, tradingview_token


@pytest.mark.parametrize("url", ["https://a.example/", "wss://a.example", "http://127.0.0.1:80", "ws://localhost:1"])
def test_encrypted_and_local_addresses_are_accepted(url: str) -> None:
    assert checked(url) == url.rstrip("/")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://a.example", "not encrypted"),
        ("ws://10.0.0.1", "not encrypted"),
        ("https://user:word@a.example", "without a user name"),
        ("ftp://a.example", "give https"),
        ("a.example", "give https"),
    ],
)
def test_other_addresses_are_refused(url: str, problem: str) -> None:
    with pytest.raises(EndpointRefusedError, match=problem):
        checked(url, "NAME")


def test_the_environment_replaces_single_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEFOLIO_YAHOO_URL", "http://127.0.0.1:9/")
    endpoints = Endpoints.from_environment()
    assert endpoints.yahoo == "http://127.0.0.1:9"
    assert endpoints.binance_futures == "https://fapi.binance.com"
    monkeypatch.setenv("LAKEFOLIO_YAHOO_URL", "http://a.example")
    with pytest.raises(EndpointRefusedError, match="LAKEFOLIO_YAHOO_URL"):
        Endpoints.from_environment()


def test_the_token_is_secret_and_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAKEFOLIO_TRADINGVIEW_TOKEN", raising=False)
    assert tradingview_token() is None
    monkeypatch.setenv("LAKEFOLIO_TRADINGVIEW_TOKEN", "abc")
    token = tradingview_token()
    assert token is not None
    assert "abc" not in repr(token)


def test_the_host_keeps_its_port() -> None:
    assert host_of("https://a.example:444/path") == "a.example:444"
