"""Errors of ingestion: symbols, calendars, sources, remote services and scanners.

IngestError
├── SymbolRefusedError          symbol outside the whitelist, refused before any path is made
├── CalendarError
│   ├── UnknownVenueError       venue without a row in venues.csv
│   └── CalendarRangeError      sessions requested outside the years that the calendars cover
├── SourceError
│   ├── NotATableError          path without a readable table
│   ├── ColumnMissingError      frame without a required column
│   ├── UnknownInstrumentError  symbol that the source does not have
│   ├── ScanUnsupportedError    scan requested of a source that has no scanner of its own
│   ├── EndpointRefusedError    address without encryption that is not on this machine
│   └── RemoteError             request that a service did not answer completely
│       ├── UnreachableError        connection refused or reset, or no such host
│       ├── TimedOutError           no data for too long, or slower than the deadline
│       ├── ThrottledError          too many requests, or a ban
│       ├── ServerFaultError        server error (5xx)
│       ├── AccessDeniedError       credentials or another location required (401, 403, 451)
│       ├── RequestRefusedError     request not accepted (other 4xx)
│       │   └── SymbolUnknownError      symbol that the service does not have
│       ├── RedirectRefusedError    redirect to another address
│       ├── TooLargeError           response with too many bytes or too deep nesting
│       ├── UnreadableError         response in another format: empty, truncated, or an HTML page
│       ├── MalformedError          response in the right format with invalid content
│       ├── WrongSeriesError        response about another symbol
│       ├── IncompleteError         response that ends early
│       └── BreakerOpenError        request not sent, because the host failed several times in a row
└── ScannerError
    ├── ScannerConfigError      invalid scanner table, layer or scanner
    │   └── LayerLoopError          layers that extend each other
    └── ScannerInputError       frame on which the rules cannot be evaluated
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


class IngestError(Exception):
    """Base class of all errors of this package."""


class SymbolRefusedError(IngestError):
    """A symbol outside the whitelist was requested."""


class CalendarError(IngestError):
    """Base class of the errors of trading calendars."""


class UnknownVenueError(CalendarError):
    """A venue has no row in venues.csv; there is no default calendar.

    See docs/method/01-time-sessions-bars.md#1.2.
    """


class CalendarRangeError(CalendarError):
    """Sessions were requested outside the years that the calendars cover."""


class SourceError(IngestError):
    """A source could not deliver what was requested."""


class NotATableError(SourceError):
    """A path is not a Parquet or CSV table, or a folder without one."""


class ColumnMissingError(SourceError):
    """A frame lacks a required column."""


class UnknownInstrumentError(SourceError):
    """A source does not have a requested symbol."""


class ScanUnsupportedError(SourceError):
    """A source has no scanner of its own; its bars are scanned from the lake."""


class EndpointRefusedError(SourceError):
    """An endpoint is neither encrypted nor on this machine."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Source, host and subject of a request; the subject is a symbol, or a description of the request."""

    source: str
    host: str
    subject: str


class RemoteError(SourceError):
    """A service did not answer a request completely; nothing of its response is used.

    Attributes
    ----------
    origin : Origin
        Source, host and subject; the message names all three.
    problem, action : str
        What went wrong, and what to do next.
    is_transient : bool
        Whether the same request may succeed a moment later.
    counts_against_host : bool
        Whether the failure is one of the host rather than of the request; the circuit breaker counts it.
    """

    is_transient = False
    counts_against_host = False

    def __init__(self, origin: Origin, problem: str, action: str) -> None:
        super().__init__(f"{origin.source} ({origin.host}), {origin.subject}: {problem}; {action}")
        self.origin = origin
        self.problem = problem
        self.action = action

    def with_subject(self, subject: str) -> RemoteError:
        """Return the same error with another subject, for each symbol that a failed connection carried."""
        copy = type(self).__new__(type(self))
        copy.__dict__.update(self.__dict__)
        RemoteError.__init__(copy, Origin(self.origin.source, self.origin.host, subject), self.problem, self.action)
        return copy


class UnreachableError(RemoteError):
    """The connection was refused or reset, or the host does not exist."""

    is_transient = True
    counts_against_host = True


class TimedOutError(RemoteError):
    """The service sent no data for too long, or was slower than the deadline."""

    is_transient = True
    counts_against_host = True


class ThrottledError(RemoteError):
    """The service refuses further requests for a while (429, 418).

    Attributes
    ----------
    retry_after_s : float or None
        Pause that the service demands, in seconds. A pause longer than the cap, or a ban, is not waited for.
    """

    counts_against_host = True

    def __init__(
        self, origin: Origin, problem: str, action: str, *, retry_after_s: float | None, is_transient: bool
    ) -> None:
        super().__init__(origin, problem, action)
        self.retry_after_s = retry_after_s
        self.is_transient = is_transient


class ServerFaultError(RemoteError):
    """The service reports an error of its own (5xx)."""

    is_transient = True
    counts_against_host = True


class AccessDeniedError(RemoteError):
    """The service demands credentials, or refuses requests from this location (401, 403, 451)."""


class RequestRefusedError(RemoteError):
    """The service does not accept the request (other 4xx).

    Attributes
    ----------
    payload : object
        Body of the response where it was JSON, else None.
    """

    def __init__(self, origin: Origin, problem: str, action: str, *, payload: object = None) -> None:
        super().__init__(origin, problem, action)
        self.payload = payload


class SymbolUnknownError(RequestRefusedError):
    """The service does not have this symbol."""


class RedirectRefusedError(RemoteError):
    """The service redirects to another address; redirects are never followed."""


class TooLargeError(RemoteError):
    """The response has more bytes, or is nested deeper, than the limits allow."""


class UnreadableError(RemoteError):
    """The response is not in the expected format: empty, truncated, or an HTML page."""

    is_transient = True


class MalformedError(RemoteError):
    """The response has the right format and invalid content: types, columns or timestamps."""


class WrongSeriesError(RemoteError):
    """The response is about another symbol than the requested one."""


class IncompleteError(RemoteError):
    """The response ended before all rows or bars had arrived."""

    is_transient = True


class BreakerOpenError(RemoteError):
    """The host failed several times in a row, so that it gets no requests for a while."""


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
