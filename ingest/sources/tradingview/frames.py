"""Frames of the charting websocket: `~m~LENGTH~m~PAYLOAD`, several in a row, LENGTH in characters."""

from __future__ import annotations

import re
from collections.abc import Iterator

_MARK = "~m~"
_HEAD = re.compile(r"~m~(\d{1,8})~m~")
_BEAT = re.compile(r"~h~\d{1,10}")


class FrameError(ValueError):
    """The text is not a row of frames."""


def pack(payload: str) -> str:
    """Frame one payload."""
    return f"{_MARK}{len(payload)}{_MARK}{payload}"


def is_heartbeat(payload: str) -> bool:
    """Say whether a payload is a heartbeat, which must be echoed."""
    return _BEAT.fullmatch(payload) is not None


class FrameReader:
    """Reads frames by their length, whatever the payload holds; a frame may go on in the next message.

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
        """Whether nothing of a frame is still to come."""
        return not self._rest

    def feed(self, message: str) -> Iterator[str]:
        """Yield the payloads that are complete with this message.

        Raises
        ------
        FrameError
            Where a frame does not begin with a mark and a length, or is longer than `max_length`. A length that is
            wrong shows at the next frame, which then does not begin where it should.
        """
        text, start = self._rest + message, 0
        self._rest = ""
        while start < len(text):
            head = _HEAD.match(text, start)
            if head is None:
                if _may_become_head(text[start:]):
                    break
                raise FrameError(f"no frame begins with {text[start : start + 20]!r}")
            length = int(head.group(1))
            if length > self.max_length:
                raise FrameError(f"a frame of {length} characters is announced, {self.max_length} are accepted")
            end = head.end() + length
            if end > len(text):
                break
            if end < len(text) and not _may_become_head(text[end : end + 14]) and not _HEAD.match(text, end):
                raise FrameError(f"the frame of {length} characters does not end where the next one begins")
            yield text[head.end() : end]
            start = end
        self._rest = text[start:]


def _may_become_head(text: str) -> bool:
    """Say whether a text is the beginning of `~m~LENGTH~m~`, cut off."""
    return re.fullmatch(r"~?|~m|~m~\d{0,8}|~m~\d{1,8}~|~m~\d{1,8}~m", text) is not None
