"""What the gate refuses, and why.

IngestError
├── SymbolRefusedError          a symbol outside the whitelist, refused before any path is made
├── CalendarError
│   ├── UnknownVenueError       a venue that venues.csv does not know
│   └── CalendarRangeError      sessions asked for outside the years that are known
├── SourceError
│   ├── NotATableError          a path that holds no table at all
│   ├── ColumnMissingError      a frame without a column that the reader needs
│   ├── UnknownInstrumentError  a symbol that the source does not have
│   ├── ScanUnsupportedError    a source that is scanned from its bars, asked to scan
│   ├── EndpointRefusedError    an address that would carry answers or a token in the clear
│   └── RemoteError             a service that did not answer a question in whole
│       ├── UnreachableError        refused, reset, or no such host
│       ├── TimedOutError           silence, or slower than the deadline
│       ├── ThrottledError          too many requests, or a ban
│       ├── ServerFaultError        the service failed on its own side
│       ├── AccessDeniedError       not without credentials, or not from here
│       ├── RequestRefusedError     the service does not understand the question
│       │   └── SymbolUnknownError      the service does not have this symbol
│       ├── RedirectRefusedError    the service points elsewhere
│       ├── TooLargeError           more bytes or deeper nesting than an answer can have
│       ├── UnreadableError         not the format of an answer at all: empty, truncated, a page for people
│       ├── MalformedError          the right format with the wrong content
│       ├── WrongSeriesError        the answer to another question
│       ├── IncompleteError         a part of an answer
│       └── BreakerOpenError        not asked, since the host failed too often just before
└── ScannerError
    ├── ScannerConfigError      a scanner table, layer or scanner that is not valid
    │   └── LayerLoopError          layers that extend each other
    └── ScannerInputError       a frame on which the rules cannot be evaluated
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


class IngestError(Exception):
    """Root of everything the gate raises."""


class SymbolRefusedError(IngestError):
    """A symbol outside the whitelist was requested."""


class CalendarError(IngestError):
    """A calendar could not answer."""


class UnknownVenueError(CalendarError):
    """A venue has no line in venues.csv; there is no default calendar.

    See docs/method/01-time-sessions-bars.md#1.2.
    """


class CalendarRangeError(CalendarError):
    """Sessions were asked for outside the span that is known."""


class SourceError(IngestError):
    """A source could not answer."""


class NotATableError(SourceError):
    """A path is not a Parquet or CSV table, or holds none."""


class ColumnMissingError(SourceError):
    """A frame lacks a column that is required."""


class UnknownInstrumentError(SourceError):
    """A source does not have a requested symbol."""


class ScanUnsupportedError(SourceError):
    """A source has no scanner of its own: its bars are scanned from the lake."""


class EndpointRefusedError(SourceError):
    """An endpoint is neither encrypted nor on this machine."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who was asked, where, and about what (a symbol, or what else the question was about)."""

    source: str
    host: str
    subject: str


class RemoteError(SourceError):
    """A service did not answer a question in whole; nothing of the answer is used.

    Attributes
    ----------
    origin : Origin
        Source, host and subject; the message names all three.
    is_transient : bool
        Whether the same question may be answered a moment later.
    counts_against_host : bool
        Whether the failure says that the host is in trouble, and not the question.
    """

    is_transient = False
    counts_against_host = False

    def __init__(self, origin: Origin, what: str, action: str) -> None:
        super().__init__(f"{origin.source} ({origin.host}), {origin.subject}: {what}; {action}")
        self.origin = origin
        self.what = what
        self.action = action

    def about(self, subject: str) -> RemoteError:
        """Return the same error about another subject: what befalls a connection befalls all that it carried."""
        again = type(self).__new__(type(self))
        again.__dict__.update(self.__dict__)
        RemoteError.__init__(again, Origin(self.origin.source, self.origin.host, subject), self.what, self.action)
        return again


class UnreachableError(RemoteError):
    """The connection was refused or reset, or the host is not known."""

    is_transient = True
    counts_against_host = True


class TimedOutError(RemoteError):
    """The service was silent, or slower than the deadline."""

    is_transient = True
    counts_against_host = True


class ThrottledError(RemoteError):
    """The service asks for fewer requests.

    Attributes
    ----------
    retry_after_s : float or None
        The pause that it asks for; a pause longer than the cap, or a ban, is not waited for.
    """

    counts_against_host = True

    def __init__(
        self, origin: Origin, what: str, action: str, *, retry_after_s: float | None, is_transient: bool
    ) -> None:
        super().__init__(origin, what, action)
        self.retry_after_s = retry_after_s
        self.is_transient = is_transient


class ServerFaultError(RemoteError):
    """The service failed on its own side (5xx)."""

    is_transient = True
    counts_against_host = True


class AccessDeniedError(RemoteError):
    """The service refuses without credentials, or from this place (401, 403, 451)."""


class RequestRefusedError(RemoteError):
    """The service does not understand the question (other 4xx).

    Attributes
    ----------
    payload : object
        What the service said about it, where that was JSON.
    """

    def __init__(self, origin: Origin, what: str, action: str, *, payload: object = None) -> None:
        super().__init__(origin, what, action)
        self.payload = payload


class SymbolUnknownError(RequestRefusedError):
    """The service does not have this symbol."""


class RedirectRefusedError(RemoteError):
    """The service points to another address; a market data interface has no reason to."""


class TooLargeError(RemoteError):
    """The answer has more bytes, or is nested deeper, than any answer can be."""


class UnreadableError(RemoteError):
    """The answer is not in the format of an answer: empty, truncated, or a page for people."""

    is_transient = True


class MalformedError(RemoteError):
    """The answer has the right format and the wrong content: types, columns, timestamps."""


class WrongSeriesError(RemoteError):
    """The service resolved another symbol than the one that was asked for."""


class IncompleteError(RemoteError):
    """Only a part of the answer came."""

    is_transient = True


class BreakerOpenError(RemoteError):
    """The host failed so often that it is left alone for a while."""


class ScannerError(IngestError):
    """A scanner could not be read or evaluated."""


class ScannerConfigError(ScannerError):
    """A scanner table or layer file has an unknown key or word, a wrong value or a missing layer."""


class LayerLoopError(ScannerConfigError):
    """Layers extend each other in a loop.

    Attributes
    ----------
    names : tuple of str
        The layers of the loop, in the order in which they extend each other.
    """

    def __init__(self, origin: str, names: tuple[str, ...]) -> None:
        super().__init__(f"{origin}: the layers extend each other in a loop: {', '.join(names)}")
        self.names = names


class ScannerInputError(ScannerError):
    """A frame lacks the keys that an evaluation needs."""


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return a hint with the nearest valid name, or the list of all when none is near."""
    names = sorted(set(valid))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]!r}?"
    return "valid: " + ", ".join(names)
