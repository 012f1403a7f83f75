from __future__ import annotations

import pytest

from ingest.errors import (
    AccessDeniedError,
    Origin,
    RedirectRefusedError,
    RemoteError,
    RequestRefusedError,
    ServerFaultError,
    ThrottledError,
)
from ingest.transport.status_errors import retry_after, status_error

ORIGIN = Origin("made", "host", "X:Y")


def throttled(status: int, **headers: str) -> ThrottledError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    error = status_error(status, named, ORIGIN, f"status {status}", pause_cap_s=60.0)
    assert isinstance(error, ThrottledError)
    return error


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, RedirectRefusedError),
        (400, RequestRefusedError),
        (401, AccessDeniedError),
        (403, AccessDeniedError),
        (404, RequestRefusedError),
        (451, AccessDeniedError),
        (500, ServerFaultError),
        (503, ServerFaultError),
    ],
)
def test_each_status_has_its_error(status: int, kind: type[RemoteError]) -> None:
    error = status_error(status, {}, ORIGIN, f"status {status}", pause_cap_s=60.0)
    assert type(error) is kind
    assert str(error).startswith(f"made (host), X:Y: status {status}")


def test_a_refusal_keeps_the_body_of_the_response() -> None:
    error = status_error(400, {}, ORIGIN, "status 400", pause_cap_s=60.0, payload={"code": -1121})
    assert isinstance(error, RequestRefusedError)
    assert error.payload == {"code": -1121}


def test_a_short_pause_is_waited_for_and_a_long_one_or_a_ban_is_not() -> None:
    assert (throttled(429).is_transient, throttled(429).retry_after_s) == (True, None)
    assert (throttled(429, retry_after="60").is_transient, throttled(429, retry_after="60").retry_after_s) == (
        True,
        60.0,
    )
    assert throttled(429, retry_after="61").is_transient is False
    assert throttled(418, retry_after="1").is_transient is False
    assert "it demands a pause of 61 s; run again after the pause" in str(throttled(429, retry_after="61"))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Sat, 01 Jun 2024 12:00:30 GMT"}, None),
        ({"retry-after": "Sat, 01 Jun 2024 12:00:30 GMT", "date": "Sat, 01 Jun 2024 12:00:00 GMT"}, 30.0),
        ({"retry-after": "Sat, 01 Jun 2024 11:00:00 GMT", "date": "Sat, 01 Jun 2024 12:00:00 GMT"}, 0.0),
    ],
)
def test_retry_after_is_a_number_or_a_date_against_the_clock_of_the_service(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(headers) == seconds
