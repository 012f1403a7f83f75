"""Translate HTTP status codes into errors of this package."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from ingest.errors import (
    AccessDeniedError,
    Origin,
    RedirectRefusedError,
    RemoteError,
    RequestRefusedError,
    ServerFaultError,
    ThrottledError,
)
from ingest.transport.bodies import TRY_LATER
from ingest.transport.retries import KEPT

BANNED = 418
TOO_MANY_REQUESTS = 429


def is_redirect(status: int) -> bool:
    """Return whether a status code redirects to another address."""
    return 300 <= status < 400


def status_error(
    status: int,
    headers: Mapping[str, str],
    origin: Origin,
    description: str,
    *,
    pause_cap_s: float,
    payload: object = None,
) -> RemoteError:
    """Return the error that stands for a status code other than success.

    Parameters
    ----------
    headers : mapping of str to str
        Headers of the response; names are looked up in lower case.
    description : str
        Status, and what the service says about it, for the message.
    pause_cap_s : float
        Longest pause that is worth waiting for; a longer one makes the error permanent.
    payload : object
        Body of the response where it was JSON.
    """
    if is_redirect(status):
        return RedirectRefusedError(
            origin, f"{description} redirects to another address", "set the endpoint to the service's own address"
        )
    if status in (BANNED, TOO_MANY_REQUESTS):
        pause = retry_after(headers)
        is_short = status == TOO_MANY_REQUESTS and (pause is None or pause <= pause_cap_s)
        wait = "" if pause is None else f", it demands a pause of {pause:.0f} s"
        action = "send fewer requests at once" if is_short else "run again after the pause"
        return ThrottledError(
            origin, description + wait, f"{action}; {KEPT}", retry_after_s=pause, is_transient=is_short
        )
    if status >= 500:
        return ServerFaultError(origin, description, f"{TRY_LATER}; {KEPT}")
    if status in (401, 403, 451):
        return AccessDeniedError(
            origin, description, "set credentials in the environment, or connect from a location that is served"
        )
    return RequestRefusedError(
        origin, description, "check the endpoint, the symbol and the requested fields", payload=payload
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a Retry-After header, given as a number or as a date against the service's own clock.

    Returns
    -------
    float or None
        None where the header is absent or cannot be read.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        until, now = parsedate_to_datetime(text), parsedate_to_datetime(headers.get("date", ""))
        return max((until - now).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return None
