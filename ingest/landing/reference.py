"""Land reference data: versions of instruments, and sessions of calendars."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import polars as pl

from ingest.errors import UnknownInstrumentError, nearest
from ingest.landing.instrument_versions import next_versions
from ingest.landing.scope import LandingScope
from ingest.reference.calendars import sessions
from ingest.sources.protocol import Source
from lakehouse.connection.catalog import Lake
from lakehouse.storage.writes import Write, WriteReceipt, write


def instruments_of(source: Source, landing: LandingScope) -> pl.DataFrame:
    """Return the instruments in the scope of a landing, in `INSTRUMENT_SCHEMA`.

    Raises
    ------
    UnknownInstrumentError
        When the source does not have a named symbol; the message names the nearest that it has.
    """
    instruments = source.instruments(landing.symbols, as_of=landing.last)
    absent = sorted(set(landing.symbols or ()) - set(instruments["symbol"]))
    if absent:
        every = source.instruments(as_of=landing.last)["symbol"].to_list() if not source.is_remote else absent[1:]
        raise UnknownInstrumentError(
            f"source {source.name} has no {absent[0]} up to {landing.last}"
            + (f" (nor {len(absent) - 1} others)" if len(absent) > 1 else "")
            + (f": {nearest(absent[0], every)}" if len(every) > 0 else "")
        )
    return instruments


def land_instruments(lake: Lake, source: Source, landing: LandingScope) -> WriteReceipt | None:
    """Land the instruments of a source as versions (SCD2); unchanged metadata make no new version.

    Returns
    -------
    WriteReceipt or None
        None when nothing changed.

    Raises
    ------
    UnknownInstrumentError
        When the source does not have a named symbol.
    """
    instruments = instruments_of(source, landing)
    held = lake.read("raw.instruments", "source = ?", [source.name])
    is_complete = landing.symbols is None and not source.is_remote
    changed, removed = next_versions(
        instruments, held, source=source.name, at=landing.as_of_at, is_complete=is_complete
    )
    writes = [Write("raw.instruments", changed, mode="upsert")] if changed.height else []
    if removed.height:
        writes.append(Write("raw.instruments", removed, mode="delete"))
    return write(lake, writes, run_id=landing.run_id, step=landing.step) if writes else None


def land_sessions(
    lake: Lake, calendars: Sequence[str], first: dt.date, last: dt.date, landing: LandingScope
) -> WriteReceipt | None:
    """Land the sessions of calendars for whole years, from that of `first` to that of `last`.

    Returns
    -------
    WriteReceipt or None
        None when the lake has them already.
    """
    span = dt.date(first.year, 1, 1), dt.date(last.year, 12, 31)
    if not calendars:
        return None
    expected = pl.concat([sessions(name, *span) for name in sorted(set(calendars))])
    held = lake.read("raw.sessions", "calendar in (select unnest(?))", [sorted(set(calendars))])
    new = expected.join(held, on=expected.columns, how="anti")
    if new.is_empty():
        return None
    return write(lake, Write("raw.sessions", new, mode="upsert"), run_id=landing.run_id, step=landing.step)
