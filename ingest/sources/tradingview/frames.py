"""Read and write the frames of the charting websocket: `~m~LENGTH~m~PAYLOAD`, LENGTH in characters."""

from __future__ import annotations

import re
from collections.abc import Iterator

_MARK = "~m~"
_HEADER = re.compile(r"~m~(\d{1,8})~m~")
_HEARTBEAT = re.compile(r"~h~\d{1,10}")


class FrameError(ValueError):
    """The text is not a sequence of frames."""


def pack(payload: str) -> str:
    """Frame one payload."""
    return f"{_MARK}{len(payload)}{_MARK}{payload}"


def is_heartbeat(payload: str) -> bool:
    """Return whether a payload is a heartbeat, which must be echoed."""
    return _HEARTBEAT.fullmatch(payload) is not None


class FrameReader:
    """Reader of frames by their length, whatever the payload; a frame may continue in the next message.

    Parameters
    ----------
    max_length : int
        Longest payload that is accepted, in characters.
    """

    def __init__(self, max_length: int = 8_000_000) -> None:
        self.max_length = max_length
        self._rest = ""

    @property
    def is_whole(self) -> bool:
        """True when no frame is incomplete."""
        return not self._rest

    def feed(self, message: str) -> Iterator[str]:
        """Yield the payloads that are complete with this message.

        Raises
        ------
        FrameError
            When a frame does not begin with a mark and a length, or is longer than `max_length`. A wrong length is
            detected at the next frame, which then does not begin where it should.
        """
        text, start = self._rest + message, 0
        self._rest = ""
        while start < len(text):
            header = _HEADER.match(text, start)
            if header is None:
                if _may_become_header(text[start:]):
                    break
                raise FrameError(f"no frame begins with {text[start : start + 20]!r}")
            length = int(header.group(1))
            if length > self.max_length:
                raise FrameError(f"a frame of {length} characters is announced, at most {self.max_length} are accepted")
            end = header.end() + length
            if end > len(text):
                break
            if end < len(text) and not _may_become_header(text[end : end + 14]) and not _HEADER.match(text, end):
                raise FrameError(f"the frame of {length} characters does not end where the next one begins")
            yield text[header.end() : end]
            start = end
        self._rest = text[start:]


def _may_become_header(text: str) -> bool:
    """Return whether a text is a proper prefix of `~m~LENGTH~m~`."""
    return re.fullmatch(r"~?|~m|~m~\d{0,8}|~m~\d{1,8}~|~m~\d{1,8}~m", text) is not None
