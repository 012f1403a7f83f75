"""Discovery on bars: the scanners of this house run over `marts.scanner_columns` (house.md 4)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from ingest.errors import ScannerInputError
from ingest.rules import evaluate, scan_from_columns
from ingest.scanners import Scanner
from ingest.source import Source
from lakehouse.catalog import Lake
from lakehouse.tables import CONTRACTS

COLUMNS_TABLE = "marts.scanner_columns"
_INSTRUMENTS_TABLE = "marts.instruments"
_LAST_SESSIONS = (
    "select calendar, max(session_date) as session_date from raw.sessions "
    "where session_date <= ? and closes_at <= ? group by calendar"
)


@dataclass(frozen=True, slots=True)
class Discovery:
    """What all scanners said.

    Attributes
    ----------
    scans : pl.DataFrame
        Rows of `raw.scans`.
    verdicts : pl.DataFrame
        scanner, symbol, passed, reason: one row for each scanner and instrument of its market.
    """

    scans: pl.DataFrame
    verdicts: pl.DataFrame


def scan_columns(lake: Lake, *, as_of: dt.date, as_of_at: dt.datetime, settle_minutes: int = 10) -> pl.DataFrame:
    """Read the scanner columns that scanners judge at `as_of`: each instrument's last completed session.

    An instrument without a bar on the last completed session of its calendar is stale and not in the result.

    Raises
    ------
    ScannerInputError
        When the marts have not been built.
    """
    for table in (COLUMNS_TABLE, _INSTRUMENTS_TABLE):
        if not lake.table_exists(table):
            raise ScannerInputError(f"{table} does not exist: land bars and run `dbt build` in dbt_project/ first")
    instruments = lake.read(_INSTRUMENTS_TABLE).select("symbol", "calendar", "asset_class", "product", "venue")
    last = lake.query(_LAST_SESSIONS, [as_of, as_of_at - dt.timedelta(minutes=settle_minutes)])
    columns = lake.read(COLUMNS_TABLE, "session_date in (select unnest(?))", [last["session_date"].unique().to_list()])
    known = [name for name in instruments.columns if name != "symbol" and name in columns.columns]
    return (
        columns.drop(known)
        .join(instruments, on="symbol", how="inner")
        .join(last, on=["calendar", "session_date"], how="semi")
        .sort("symbol")
    )


def discover(
    scanners: Sequence[Scanner], columns: pl.DataFrame, *, source: str, run_id: str, scanned_at: dt.datetime
) -> Discovery:
    """Run every scanner over one frame of scanner columns.

    Parameters
    ----------
    columns : pl.DataFrame
        What `scan_columns` returns.
    scanned_at : datetime
        The run's clock, naive UTC.
    """
    scans, verdicts = [_no_scans()], [pl.DataFrame(schema=_VERDICT_SCHEMA)]
    for scanner in scanners:
        scans.append(scan_from_columns(scanner, columns, source=source, run_id=run_id, scanned_at=scanned_at))
        judged = evaluate(scanner, columns)
        verdicts.append(judged.select(pl.lit(scanner.name).alias("scanner"), "symbol", "passed", "reason"))
    return Discovery(pl.concat(scans, how="vertical_relaxed"), pl.concat(verdicts))


def discover_at_source(source: Source, scanners: Sequence[Scanner], *, as_of: dt.date, run_id: str) -> pl.DataFrame:
    """Ask the source's own scanner, and return rows of `raw.scans`.

    Raises
    ------
    ScanUnsupportedError
        When the source is scanned from its bars.
    RemoteError
        When the source does not answer in whole: half a universe is none.
    """
    names = CONTRACTS["raw.scans"].names
    found = [source.scan(scanner, as_of=as_of).with_columns(pl.lit(run_id).alias("run_id")) for scanner in scanners]
    return pl.concat([_no_scans(), *(rows.select(names) for rows in found)], how="vertical_relaxed")


_VERDICT_SCHEMA = {"scanner": pl.String(), "symbol": pl.String(), "passed": pl.Boolean(), "reason": pl.String()}


def _no_scans() -> pl.DataFrame:
    kinds = {"VARCHAR": pl.String(), "DATE": pl.Date(), "DOUBLE": pl.Float64(), "BIGINT": pl.Int64()}
    columns = CONTRACTS["raw.scans"].columns
    return pl.DataFrame(schema={column.name: kinds.get(column.type, pl.Datetime("us")) for column in columns})
