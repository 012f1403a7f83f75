"""Open the charting websocket and translate its failures into errors of this package."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, WebSocketException
from websockets.typing import Origin as WebOrigin

from ingest.errors import (
    IncompleteError,
    Origin,
    TimedOutError,
    TooLargeError,
    UnreachableError,
    UnreadableError,
)
from ingest.transport.bodies import TRY_LATER
from ingest.transport.endpoints import is_loopback
from ingest.transport.retries import KEPT
from ingest.transport.status_errors import status_error

# At level DEBUG the library logs every frame, the one with the token among them.
logging.getLogger("websockets").setLevel(logging.INFO)

_WEB_PAGE = WebOrigin("https://www.tradingview.com")
_CLOSE_TOO_BIG = 1009


class _ConnectWithoutRedirects(connect):
    """Connection attempt that does not follow redirects, which would carry the token along."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


@asynccontextmanager
async def open_connection(
    url: str, origin: Origin, *, handshake_s: float, max_bytes: int, retry_after_cap_s: float
) -> AsyncIterator[ClientConnection]:
    """Open a connection as a context; errors of the handshake, and later ones, become `RemoteError`.

    Parameters
    ----------
    handshake_s : float
        Deadline of the handshake, in seconds.
    max_bytes : int
        Largest message that is accepted.
    retry_after_cap_s : float
        Longest pause demanded by the service that is waited for, in seconds.
    """
    try:
        async with _ConnectWithoutRedirects(
            f"{url}?from=chart&type=chart",
            origin=_WEB_PAGE,
            open_timeout=handshake_s,
            close_timeout=1.0,
            ping_interval=None,
            max_size=max_bytes,
            proxy=None if is_loopback(url) else True,
        ) as connection:
            yield connection
    except InvalidStatus as error:
        status, headers = error.response.status_code, error.response.headers
        description = f"handshake status {status}"
        raise status_error(status, headers, origin, description, pause_cap_s=retry_after_cap_s) from error
    except ConnectionClosed as error:
        if _CLOSE_TOO_BIG in {frame.code for frame in (error.sent, error.rcvd) if frame is not None}:
            raise TooLargeError(
                origin, f"a message is larger than {max_bytes} bytes", "nothing of it was used"
            ) from error
        raise IncompleteError(origin, "the connection was closed before the end", f"{TRY_LATER}; {KEPT}") from error
    except InvalidHandshake as error:
        raise UnreadableError(origin, f"no websocket ({type(error).__name__})", f"{TRY_LATER}; {KEPT}") from error
    except TimeoutError as error:
        if "handshake" in str(error):
            raise TimedOutError(origin, "no handshake in time", f"{TRY_LATER}; {KEPT}") from error
        raise
    except (OSError, EOFError, WebSocketException) as error:
        raise UnreachableError(
            origin, f"not reached ({type(error).__name__})", f"check the network and {TRY_LATER}"
        ) from error
