"""Commands that land market data and report on it; each returns what it did as a document."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, replace
from typing import Any

import polars as pl

from ingest.cli.request import Request
from ingest.landing.backfill import (
    calendars_of,
    failed_requests,
    gap_requests,
    known_symbols,
    unhealthy_symbols,
    whole_requests,
)
from ingest.landing.bars import LandingReport, land_bars, land_requests
from ingest.landing.reference import instruments_of, land_instruments, land_sessions
from ingest.landing.status import lake_status
from ingest.reference.calendars import last_completed_session
from lakehouse.connection.catalog import Lake


def land_market(request: Request, lake: Lake, instruments: pl.DataFrame) -> LandingReport:
    """Land instruments, the sessions of their calendars, and bars."""
    land_instruments(lake, request.source, request.landing)
    calendars = list(request.venues.calendars_of(instruments["venue"]).values())
    first = instruments["first_session"].min()
    if isinstance(first, dt.date):
        land_sessions(lake, calendars, first, request.landing.last, request.landing)
    return land_bars(lake, request.source, request.venues, request.landing)


def bars(request: Request) -> dict[str, Any]:
    """Land instruments, sessions and bars."""
    # The source is read before the lake is opened: from a path that is no table not even an empty lake is made.
    described = instruments_of(request.source, request.landing)
    with Lake.open(request.paths) as lake:
        return {"landing": asdict(land_market(request, lake, described))}


def instruments(request: Request) -> dict[str, Any]:
    """Land what the source says of its instruments."""
    with Lake.open(request.paths) as lake:
        # A live source describes what the lake has; the others all that they have themselves.
        known = (
            known_symbols(lake, request.source.name) if request.source.is_remote and not request.landing.symbols else []
        )
        landing = replace(request.landing, symbols=tuple(known)) if known else request.landing
        described = instruments_of(request.source, landing)
        receipt = land_instruments(lake, request.source, landing)
    counts = described.group_by("asset_class", "product").agg(pl.len().alias("n_instruments"))
    return {
        "n_instruments": described.height,
        "n_versions_written": 0 if receipt is None else receipt.rows.get("raw.instruments", 0),
        "classes": counts.sort("asset_class", "product").to_dicts(),
    }


def calendars(request: Request) -> dict[str, Any]:
    """Land the sessions of every calendar that the source's instruments need."""
    described = instruments_of(request.source, request.landing)
    of_venue = request.venues.calendars_of(described["venue"])
    first = described["first_session"].min()
    with Lake.open(request.paths) as lake:
        if isinstance(first, dt.date):
            land_sessions(lake, list(of_venue.values()), first, request.landing.last, request.landing)
    rows = [
        {
            "calendar": calendar,
            "venues": sorted(venue for venue, used in of_venue.items() if used == calendar),
            "last_completed_session": last_completed_session(calendar, request.landing.as_of_at),
        }
        for calendar in sorted(set(of_venue.values()))
    ]
    return {"calendars": rows}


def repair(request: Request) -> dict[str, Any]:
    """Ask for the sessions that are missing, the newest first."""
    with Lake.open(request.paths) as lake:
        by_symbol = calendars_of(_requested(request, known_symbols(lake, request.source.name)), request.venues)
        requests = gap_requests(lake, request.source.name, by_symbol, request.landing)
        return {"landing": asdict(land_requests(lake, request.source, by_symbol, request.landing, requests))}


def refresh(request: Request) -> dict[str, Any]:
    """Ask for whole series: those named, else those whose health is not good."""
    with Lake.open(request.paths) as lake:
        symbols = _requested(request, unhealthy_symbols(lake, request.source.name))
        by_symbol, requests = calendars_of(symbols, request.venues), whole_requests(symbols, request.landing)
        return {"landing": asdict(land_requests(lake, request.source, by_symbol, request.landing, requests))}


def recover(request: Request, days: int) -> dict[str, Any]:
    """Ask one by one for the series that failed in the last `days` days."""
    with Lake.open(request.paths) as lake:
        requests = failed_requests(
            lake, request.source.name, request.landing, days=days, symbols=request.landing.symbols
        )
        by_symbol = calendars_of([symbol for request in requests for symbol in request.symbols], request.venues)
        return {"landing": asdict(land_requests(lake, request.source, by_symbol, request.landing, requests))}


def _requested(request: Request, otherwise: list[str]) -> list[str]:
    return list(request.landing.symbols) if request.landing.symbols is not None else otherwise


def status(request: Request) -> dict[str, Any]:
    """Describe what the lake holds, how fresh it is and what was quarantined."""
    with Lake.open(request.paths, read_only=True) as lake:
        return lake_status(lake, request.venues, as_of=request.landing.last, as_of_at=request.landing.as_of_at)
