"""Run scanners at a source and land what they find, and read what the models found on its bars.

See docs/architecture.md#sources.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import polars as pl

from ingest.screening.scanners import Scanner
from ingest.screening.sql import NUMBERS, scanner_rows, sql_name
from ingest.sources.protocol import Source
from lakehouse.connection.catalog import Lake
from lakehouse.schema.tables import CONTRACTS
from lakehouse.storage.writes import Write, WriteReceipt, write

SCREENED = "intermediate.int_scans_screened"
"""Model with what the scanners of the run in scope find on bars, in the columns of `raw.scans`."""

JUDGED = "intermediate.int_scanner_inputs"
"""Model with the instruments that they judge, and the columns of each."""


def scope_writes(
    scanners: Sequence[Scanner], moments: Sequence[tuple[dt.date, dt.datetime]], *, run_id: str
) -> tuple[Write, Write]:
    """Return the writes that ask the models to run scanners at sessions.

    Parameters
    ----------
    moments : sequence of (date, datetime)
        Session, and the clock, naive UTC, at which it is scanned.
    """
    rows = scanner_rows(scanners).with_columns(pl.lit(run_id).alias("run_id"))
    return (
        Write("scope.scanners", rows, mode="replace_run"),
        Write(
            "scope.sessions",
            session_rows(moments, "discovery", run_id),
            mode="replace_run",
            keys={"purpose": "discovery"},
        ),
    )


def session_rows(moments: Sequence[tuple[dt.date, dt.datetime]], purpose: str, run_id: str) -> pl.DataFrame:
    """Return rows of `scope.sessions` for one purpose, `discovery` or `replay`."""
    schema = {"session_date": pl.Date(), "decided_at": pl.Datetime("us")}
    rows = pl.DataFrame(list(moments), schema=schema, orient="row")
    return rows.with_columns(pl.lit(purpose).alias("purpose"), pl.lit(run_id).alias("run_id"))


def read_screened(lake: Lake, session: dt.date, *, run_id: str) -> pl.DataFrame:
    """Read what the scanners of a run find on bars at a session, as rows of `raw.scans`."""
    return lake.read(
        SCREENED,
        "run_id = ? and session_date = ?",
        [run_id, session],
        columns=CONTRACTS["raw.scans"].names,
        order_by=("scanner", "rank"),
    )


def read_judged(lake: Lake, session: dt.date) -> pl.DataFrame:
    """Read what the scanners judged at a session, in the column names of scanners, to explain why an instrument failed."""
    frame = lake.read(JUDGED, "session_date = ?", [session])
    return frame.rename({sql_name(name): name for name in NUMBERS if "|" in name})


def discover_at_source(
    source: Source, scanners: Sequence[Scanner], *, as_of: dt.date, as_of_at: dt.datetime, run_id: str
) -> pl.DataFrame:
    """Run scanners at the source and return rows of `raw.scans`.

    Raises
    ------
    ScanUnsupportedError
        When the source is scanned from its bars.
    RemoteError
        When the source does not answer completely, since a part of the universe is not used.
    """
    names = CONTRACTS["raw.scans"].names
    found = [
        source.scan(scanner, as_of=as_of, as_of_at=as_of_at).with_columns(pl.lit(run_id).alias("run_id"))
        for scanner in scanners
    ]
    return pl.concat([_no_scans(), *(rows.select(names) for rows in found)], how="vertical_relaxed")


def land_scans(lake: Lake, scans: pl.DataFrame, *, run_id: str, step: str) -> WriteReceipt:
    """Land the rows that a source's own scanner found; they replace those that the run landed before."""
    return write(lake, Write("raw.scans", scans, mode="replace_run"), run_id=run_id, step=step)


def _no_scans() -> pl.DataFrame:
    kinds = {"VARCHAR": pl.String(), "DATE": pl.Date(), "DOUBLE": pl.Float64(), "BIGINT": pl.Int64()}
    columns = CONTRACTS["raw.scans"].columns
    return pl.DataFrame(schema={column.name: kinds.get(column.type, pl.Datetime("us")) for column in columns})
