"""Read the bodies of responses with limits on decompressed size and on nesting."""

from __future__ import annotations

import json
import re
import zlib
from typing import Any

import numpy as np

from ingest.errors import Origin, TooLargeError, UnreadableError

TRY_LATER = "try again later"
_CHECK_ENDPOINT = "check that the endpoint is the service's own; nothing of the response was used"
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
# With this setting zlib detects whether the header is that of gzip or of zlib.
_ANY_HEADER = 47
_MAX_QUOTED = 160


class Body:
    """Body of one response, decompressed piece by piece and refused as soon as it exceeds `max_bytes`.

    Raises
    ------
    UnreadableError
        When the encoding is another one than gzip or deflate, or the compressed data are damaged or cut off.
    TooLargeError
        When the decompressed body exceeds `max_bytes`.
    """

    def __init__(self, encoding: str, max_bytes: int, origin: Origin) -> None:
        self._origin = origin
        self._left = max_bytes
        self._max_bytes = max_bytes
        self._pieces: list[bytes] = []
        name = encoding.strip().lower()
        if name not in ("", "identity", "gzip", "deflate", "x-gzip"):
            raise UnreadableError(origin, f"content encoding {name[:20]!r} was not requested", TRY_LATER)
        self._inflate = None if name in ("", "identity") else zlib.decompressobj(_ANY_HEADER)

    def feed(self, raw: bytes) -> None:
        """Add one received piece."""
        if self._inflate is None:
            self._append(raw)
            return
        try:
            while raw:
                self._append(self._inflate.decompress(raw, self._left + 1))
                raw = self._inflate.unconsumed_tail
        except zlib.error as error:
            raise UnreadableError(self._origin, f"the compressed body is damaged ({error})", TRY_LATER) from error

    def whole(self) -> bytes:
        """Return the body after the last piece."""
        if self._inflate is not None and not self._inflate.eof and self._pieces:
            raise UnreadableError(self._origin, "the compressed body ends too early", TRY_LATER)
        return b"".join(self._pieces)

    def _append(self, piece: bytes) -> None:
        self._left -= len(piece)
        if self._left < 0:
            raise TooLargeError(self._origin, f"the response is larger than {self._max_bytes} bytes", _CHECK_ENDPOINT)
        self._pieces.append(piece)


def parse_json(body: bytes, origin: Origin, *, max_depth: int) -> Any:
    """Parse a JSON body.

    `NaN` and numbers beyond float64 pass; the reader of each field decides what they mean there.

    Raises
    ------
    UnreadableError
        When the body is empty, an HTML page, or JSON that is cut off.
    TooLargeError
        When the nesting is deeper than `max_depth`.
    """
    if not body.strip():
        raise UnreadableError(origin, "the response is empty", f"usually the service throttles; {TRY_LATER}")
    if _depth(body) > max_depth:
        raise TooLargeError(origin, f"the response is nested deeper than {max_depth}", _CHECK_ENDPOINT)
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        start = body.lstrip()[:1]
        kind = "an HTML page" if start == b"<" else "JSON that is cut off or damaged" if start in b"{[" else "no JSON"
        raise UnreadableError(origin, f"the response is {kind}", TRY_LATER) from error


def quoted(text: object) -> str:
    """Shorten a text of a service to one line for an error message."""
    line = " ".join(str(text).split())
    return line if len(line) <= _MAX_QUOTED else line[: _MAX_QUOTED - 3] + "..."


def _depth(body: bytes) -> int:
    """Return the deepest nesting; strings are removed only where their brackets could matter, for speed."""
    upper_bound = _deepest(body)
    return upper_bound if upper_bound <= 8 else _deepest(_STRINGS.sub(b"", body))


def _deepest(body: bytes) -> int:
    codes = np.frombuffer(body, dtype=np.uint8)
    steps = ((codes == 0x5B) | (codes == 0x7B)).astype(np.int32) - ((codes == 0x5D) | (codes == 0x7D))
    return int(np.cumsum(steps).max(initial=0))
