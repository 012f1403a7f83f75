"""Write and read websocket frames of the history: `~m~<length>~m~<payload>`, several to a message."""

from __future__ import annotations

import re
from typing import Any

from tests.servers.raw_http import encode

MARK = "~m~"
HEARTBEAT = "~h~"
_LENGTH = re.compile(r"~m~(\d{1,9})~m~")


class FrameError(Exception):
    """The message is not a sequence of frames."""


def framed(payload: str, delta: int = 0) -> str:
    """One frame; `delta` falsifies its length."""
    return f"{MARK}{len(payload) + delta}{MARK}{payload}"


def packed(method: str, params: list[Any], now: float) -> str:
    """The payload of a server message, stamped in seconds and milliseconds."""
    message = {"m": method, "p": params, "t": int(now), "t_ms": int(now * 1000)}
    return encode(message).decode()


def payloads(message: str) -> list[str]:
    """The payloads of a client's message, read by length."""
    found, at = [], 0
    while at < len(message):
        head = _LENGTH.match(message, at)
        if head is None:
            raise FrameError(f"no frame at character {at}: {message[at : at + 40]!r}")
        at = head.end() + int(head.group(1))
        if at > len(message):
            raise FrameError(f"a frame of {head.group(1)} characters ends beyond the message")
        found.append(message[head.end() : at])
    return found
