"""HTTP client for the tests of the exchange; it loads no certificates, since nothing is encrypted."""

from __future__ import annotations

import ssl
from typing import Any

import httpx

_NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def client(**options: Any) -> httpx.Client:
    return httpx.Client(verify=_NO_CERTIFICATES, trust_env=False, **options)


def get(url: str, **options: Any) -> httpx.Response:
    with client(timeout=options.pop("timeout", 5)) as one:
        return one.get(url, **options)


def post(url: str, **options: Any) -> httpx.Response:
    with client(timeout=options.pop("timeout", 5)) as one:
        return one.post(url, **options)
