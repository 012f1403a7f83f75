"""Run scanners on `marts.scanner_columns` or at a source, and land what they find.

See docs/architecture.md#sources.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from ingest.errors import ScannerInputError
from ingest.screening.predicates import evaluate, missing_columns, scans_of
from ingest.screening.scanners import Scanner
from ingest.screening.weekly_columns import weekly_columns
from ingest.sources.protocol import Source
from lakehouse.connection.catalog import Lake
from lakehouse.errors import UnknownTableError
from lakehouse.schema.tables import CONTRACTS
from lakehouse.storage.writes import Write, WriteReceipt, write

_LOGGER = logging.getLogger(__name__)
COLUMNS_TABLE = "marts.scanner_columns"
_INSTRUMENTS_TABLE = "intermediate.int_instruments_described"
_IDENTITY = ("symbol", "calendar", "asset_class", "product", "venue")
# Metadata on which scanners may filter, where `marts.instruments` has it.
_METADATA = (
    *("ticker", "sector", "industry", "currency", "indexes"),
    *("fund_class", "fund_category", "fund_focus"),
)
_LAST_SESSIONS = (
    "with moments as (select unnest(range(len($1))) as moment, unnest($1) as as_of, unnest($2) as closed_by) "
    "select moment, calendar, max(session_date) as session_date from raw.sessions "
    "inner join moments on session_date <= as_of and closes_at <= closed_by group by all"
)


@dataclass(frozen=True, slots=True)
class Discovery:
    """Result of running several scanners.

    Attributes
    ----------
    scans : pl.DataFrame
        Rows of `raw.scans`.
    evaluations : pl.DataFrame
        scanner, symbol, passed, reason: one row for each scanner and instrument of its market.
    """

    scans: pl.DataFrame
    evaluations: pl.DataFrame


def scan_columns(
    lake: Lake, moments: Sequence[tuple[dt.date, dt.datetime]], *, settle_minutes: int = 10
) -> list[pl.DataFrame]:
    """Read the scanner columns at several moments, each instrument at its last completed session.

    An instrument without a bar on the last completed session of its calendar is stale and not in the result. Only the
    present members of indices are known, so at every moment but the newest the membership is NULL.

    Parameters
    ----------
    moments : sequence of (date, datetime)
        Session, and the clock, naive UTC, at which it is scanned.

    Returns
    -------
    list of pl.DataFrame
        One frame for each moment, sorted by symbol.

    Raises
    ------
    ScannerInputError
        When the marts have not been built.
    """
    settled = [moment - dt.timedelta(minutes=settle_minutes) for _, moment in moments]
    last = lake.query(_LAST_SESSIONS, [[session for session, _ in moments], settled])
    sessions = last["session_date"].unique().to_list()
    try:
        table = lake.read(_INSTRUMENTS_TABLE)
        columns = lake.read(COLUMNS_TABLE, "session_date in (select unnest(?))", [sessions])
        closes = lake.read(
            COLUMNS_TABLE,
            "session_date <= ?",
            [last["session_date"].max()],
            columns=("symbol", "session_date", "close"),
        )
    except UnknownTableError as error:
        raise ScannerInputError(f"{error}: land bars and run `dbt build` in dbt_project/ first") from error
    instruments = table.select(*_IDENTITY, *(name for name in _METADATA if name in table.columns))
    known = [name for name in instruments.columns if name != "symbol" and name in columns.columns]
    described = columns.drop(known).join(instruments, on="symbol", how="inner").sort("symbol")
    described = described.join(
        weekly_columns(closes, sessions), on=["symbol", "session_date"], how="left", maintain_order="left"
    )
    newest = max((session for session, _ in moments), default=None)
    unknown = [pl.lit(None, dtype=kind).alias(name) for name, kind in described.schema.items() if name == "indexes"]
    past = described.with_columns(unknown)
    return [
        (described if session == newest else past).join(
            last.filter(pl.col("moment") == number), on=["calendar", "session_date"], how="semi"
        )
        for number, (session, _) in enumerate(moments)
    ]


def discover(
    scanners: Sequence[Scanner], columns: pl.DataFrame, *, source: str, run_id: str, scanned_at: dt.datetime
) -> Discovery:
    """Run every scanner over one frame of scanner columns.

    Parameters
    ----------
    columns : pl.DataFrame
        Frame of `scan_columns`.
    scanned_at : datetime
        Clock of the run, naive UTC.
    """
    scans, evaluations = [_no_scans()], [pl.DataFrame(schema=_EVALUATION_SCHEMA)]
    for scanner in scanners:
        absent = missing_columns(scanner, columns)
        if absent:
            _LOGGER.warning(
                "scanner %s finds nothing on these bars: missing columns %s", scanner.name, ", ".join(absent)
            )
        evaluation = evaluate(scanner, columns)
        scans.append(scans_of(scanner, columns, evaluation, source=source, run_id=run_id, scanned_at=scanned_at))
        evaluations.append(evaluation.select(pl.lit(scanner.name).alias("scanner"), "symbol", "passed", "reason"))
    return Discovery(pl.concat(scans, how="vertical_relaxed"), pl.concat(evaluations))


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
    """Land the rows that the scanners of a run found; they replace those that the run landed before."""
    return write(lake, Write("raw.scans", scans, mode="replace_run"), run_id=run_id, step=step)


_EVALUATION_SCHEMA = {"scanner": pl.String(), "symbol": pl.String(), "passed": pl.Boolean(), "reason": pl.String()}


def _no_scans() -> pl.DataFrame:
    kinds = {"VARCHAR": pl.String(), "DATE": pl.Date(), "DOUBLE": pl.Float64(), "BIGINT": pl.Int64()}
    columns = CONTRACTS["raw.scans"].columns
    return pl.DataFrame(schema={column.name: kinds.get(column.type, pl.Datetime("us")) for column in columns})
