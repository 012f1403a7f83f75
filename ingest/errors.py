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
│   └── ScanUnsupportedError    a source that is scanned from its bars, asked to scan
└── ScannerError
    ├── ScannerConfigError      a scanner file that says something nobody reads, or contradicts itself
    └── ScannerInputError       a frame on which the rules cannot be evaluated
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class IngestError(Exception):
    """Root of everything the gate raises."""


class SymbolRefusedError(IngestError):
    """A symbol outside the whitelist was requested."""


class CalendarError(IngestError):
    """A calendar could not answer."""


class UnknownVenueError(CalendarError):
    """A venue has no line in venues.csv; there is no default calendar (quant.md 1.2)."""


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


class ScannerError(IngestError):
    """A scanner could not be read or evaluated."""


class ScannerConfigError(ScannerError):
    """A scanner file holds an unknown key, a wrong value or a loop."""


class ScannerInputError(ScannerError):
    """A frame lacks the keys that an evaluation needs."""


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return a hint with the nearest valid name, or the list of all when none is near."""
    names = sorted(set(valid))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]!r}?"
    return "valid: " + ", ".join(names)
