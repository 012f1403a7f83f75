"""Reading the body of an answer without trusting it: a cap on bytes before and after decompression, and on nesting."""

from __future__ import annotations

import json
import re
import zlib
from typing import Any

import numpy as np

from ingest.errors import Origin, TooLargeError, UnreadableError

AGAIN = "ask again later"
_REPORT = "check that the endpoint is the service's own; nothing of it was used"
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
# gzip and zlib headers are told apart by the library itself.
_ANY_HEADER = 47
_SHOWN = 160


class Body:
    """A body as it comes in: decompressed piece by piece, and refused as soon as it is larger than `max_bytes`."""

    def __init__(self, encoding: str, max_bytes: int, origin: Origin) -> None:
        self._origin = origin
        self._left = max_bytes
        self._max_bytes = max_bytes
        self._pieces: list[bytes] = []
        name = encoding.strip().lower()
        if name not in ("", "identity", "gzip", "deflate", "x-gzip"):
            raise UnreadableError(origin, f"content encoding {name[:20]!r} was not asked for", AGAIN)
        self._inflate = None if name in ("", "identity") else zlib.decompressobj(_ANY_HEADER)

    def feed(self, raw: bytes) -> None:
        """Take one piece from the wire."""
        if self._inflate is None:
            self._take(raw)
            return
        try:
            while raw:
                self._take(self._inflate.decompress(raw, self._left + 1))
                raw = self._inflate.unconsumed_tail
        except zlib.error as error:
            raise UnreadableError(self._origin, f"the compressed body is damaged ({error})", AGAIN) from error

    def whole(self) -> bytes:
        """Return the body once all of it came."""
        if self._inflate is not None and not self._inflate.eof and self._pieces:
            raise UnreadableError(self._origin, "the compressed body ends too early", AGAIN)
        return b"".join(self._pieces)

    def _take(self, piece: bytes) -> None:
        self._left -= len(piece)
        if self._left < 0:
            raise TooLargeError(self._origin, f"the answer is larger than {self._max_bytes} bytes", _REPORT)
        self._pieces.append(piece)


def parse_json(body: bytes, origin: Origin, *, max_depth: int) -> Any:
    """Parse a JSON body.

    `NaN` and numbers beyond float64 are let through as such: where they stand decides what they mean.

    Raises
    ------
    UnreadableError
        For an empty body, a page for people, or JSON that is cut off.
    TooLargeError
        For nesting deeper than `max_depth`.
    """
    if not body.strip():
        raise UnreadableError(origin, "the answer is empty", f"it is throttling as a rule; {AGAIN}")
    if _depth(body) > max_depth:
        raise TooLargeError(origin, f"the answer is nested deeper than {max_depth}", _REPORT)
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        start = body.lstrip()[:1]
        kind = "an HTML page" if start == b"<" else "JSON that is cut off or damaged" if start in b"{[" else "no JSON"
        raise UnreadableError(origin, f"the answer is {kind}", AGAIN) from error


def shown(text: object) -> str:
    """Return what a service said, short and on one line, for an error message."""
    line = " ".join(str(text).split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 3] + "..."


def _depth(body: bytes) -> int:
    """Return the deepest nesting; brackets inside strings are looked at only where they could matter."""
    rough = _deepest(body)
    return rough if rough <= 8 else _deepest(_STRINGS.sub(b"", body))


def _deepest(body: bytes) -> int:
    codes = np.frombuffer(body, dtype=np.uint8)
    steps = ((codes == 0x5B) | (codes == 0x7B)).astype(np.int32) - ((codes == 0x5D) | (codes == 0x7D))
    return int(np.cumsum(steps).max(initial=0))
