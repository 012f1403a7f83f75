"""Read the venues and their calendars from venues.csv.

See docs/method/01-time-sessions-bars.md#1.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ingest.errors import NotATableError, UnknownVenueError, nearest
from lakehouse.paths import Paths

_COLUMNS = ("venue", "calendar", "country", "kind", "priority", "currency")


@dataclass(frozen=True, slots=True)
class Venue:
    """One venue; `kind` is the asset class that it mainly trades, `priority` breaks ties of liquidity (lower first)."""

    venue: str
    calendar: str
    country: str | None
    kind: str
    priority: int
    currency: str | None


@dataclass(frozen=True, slots=True)
class Venues:
    """All known venues by name."""

    by_name: dict[str, Venue]

    @classmethod
    def read(cls, path: Path) -> Venues:
        """Read venues.csv.

        Raises
        ------
        NotATableError
            When the file does not exist, or has other columns.
        """
        if not path.is_file():
            raise NotATableError(f"{path}: no such file; restore seeds/venues.csv of the dbt project")
        frame = pl.read_csv(path, schema_overrides={"priority": pl.Int64}, infer_schema=False)
        if tuple(frame.columns) != _COLUMNS:
            raise NotATableError(f"{path}: columns are {frame.columns}, expected {list(_COLUMNS)}")
        return cls({row["venue"]: Venue(**row) for row in frame.iter_rows(named=True)})

    @classmethod
    def of(cls, paths: Paths) -> Venues:
        """Read the venues of the dbt project that `paths` points to."""
        return cls.read(paths.dbt_project / "seeds" / "venues.csv")

    def require(self, venue: str) -> Venue:
        """Return one venue.

        Raises
        ------
        UnknownVenueError
            When the venue has no row; the message names the nearest that has.
        """
        known = self.by_name.get(venue)
        if known is None:
            raise UnknownVenueError(
                f"venue {venue!r} has no calendar: {nearest(venue, self.by_name)}; "
                "add a row to dbt_project/seeds/venues.csv"
            )
        return known

    def calendar_of(self, symbol: str) -> str:
        """Return the calendar of a symbol `VENUE:TICKER`; an unknown venue is an error as in `require`."""
        return self.require(symbol.partition(":")[0]).calendar

    def calendars_of(self, venues: Iterable[str]) -> dict[str, str]:
        """Return the calendar of each venue.

        Raises
        ------
        UnknownVenueError
            When a venue has no row; there is no default calendar.
        """
        return {venue: self.require(venue).calendar for venue in sorted(set(venues))}

    @property
    def calendars(self) -> tuple[str, ...]:
        """Calendars that the venues use, sorted."""
        return tuple(sorted({venue.calendar for venue in self.by_name.values()}))
