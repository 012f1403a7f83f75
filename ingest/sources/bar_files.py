"""Read tables of bars from Parquet and CSV files.

See docs/architecture.md#sources.

Columns (any case): `symbol`, `date` (or `session_date`, or `timestamp`) and `close` are required; `open`, `high`,
`low`, `volume`, `adj_close` and the instrument's `asset_class`, `product`, `venue`, `name`, `sector`, `industry`,
`currency`, `country`, `base`, `quote`, `root`, `isin`, `lot_size`, `tick_size` are optional; others are not read.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ingest.errors import NotATableError

SUFFIXES = (".parquet", ".csv")
METADATA_FILE = "symbols.csv"
UNKNOWN_SYMBOL = "FILES:UNKNOWN"
TEXTS = (
    *("asset_class", "product", "venue", "name", "sector", "industry"),
    *("currency", "country", "base", "quote", "root", "isin"),
)
NUMBERS = ("open", "high", "low", "close", "volume", "adj_close", "lot_size", "tick_size")
REQUIRED = ("symbol", "date", "close")

_DATE_NAMES = ("date", "session_date", "timestamp")
_DOCUMENTED = {"symbol", *_DATE_NAMES, *TEXTS, *NUMBERS}


def table_files(path: Path) -> tuple[Path, ...]:
    """Return the table files of a path: itself, or all Parquet and CSV files of a folder, sorted.

    Raises
    ------
    NotATableError
        When the path does not exist, or has no Parquet or CSV file.
    """
    if path.is_file():
        if path.suffix.lower() not in SUFFIXES:
            raise NotATableError(f"{path} is no table: give a {' or '.join(SUFFIXES)} file, or a folder of them")
        return (path,)
    if not path.is_dir():
        raise NotATableError(f"{path}: no such file or folder")
    found = tuple(
        sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES and file.name != METADATA_FILE)
    )
    if not found:
        raise NotATableError(f"{path} holds no {' or '.join(SUFFIXES)} file")
    return found


def read_table(path: Path) -> pl.DataFrame:
    """Read one file without converting values; column names become lower case.

    Raises
    ------
    NotATableError
        When the file cannot be read, two columns have the same name, or it has none of the documented columns.
    """
    try:
        is_parquet = path.suffix.lower() == ".parquet"
        frame = pl.read_parquet(path) if is_parquet else pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise NotATableError(f"{path} is no table that can be read: {first_line}") from error
    names = [name.strip().lower() for name in frame.columns]
    if len(set(names)) < len(names):
        raise NotATableError(f"{path}: two columns have the same name: {', '.join(sorted(names))}")
    frame.columns = names
    if not _DOCUMENTED & set(names):
        raise NotATableError(
            f"{path} is no table of bars: it has the columns {', '.join(names[:12])} and none of {', '.join(REQUIRED)}"
        )
    return frame


def missing_columns(frame: pl.DataFrame) -> tuple[str, ...]:
    """Return the required columns that a table lacks."""
    has_date = any(name in frame.columns for name in _DATE_NAMES)
    return tuple(name for name in REQUIRED if name not in frame.columns and not (name == "date" and has_date))


def normalized(frame: pl.DataFrame) -> pl.DataFrame:
    """Convert a table to the documented columns and types; `opened_at` is its date as naive UTC timestamp.

    A number that cannot be read becomes NaN and an unreadable date becomes NULL; quarantine reports both.
    """
    date = next((name for name in _DATE_NAMES if name in frame.columns), None)
    symbol = _text("symbol") if "symbol" in frame.columns else pl.lit(None, dtype=pl.String)
    venue = _text("venue") if "venue" in frame.columns else pl.lit(None, dtype=pl.String)
    is_full = symbol.str.contains(":", literal=True) | venue.is_null()
    opened_at = _timestamp(frame, date) if date else pl.lit(None, dtype=pl.Datetime("us"))
    return frame.select(
        pl.when(is_full).then(symbol).otherwise(pl.concat_str(venue, pl.lit(":"), symbol)).alias("symbol"),
        opened_at.alias("opened_at"),
        *(_number(frame, name) if name in frame.columns else pl.lit(None, pl.Float64).alias(name) for name in NUMBERS),
        *(
            _text(name) if name in frame.columns else pl.lit(None, pl.String).alias(name)
            for name in TEXTS
            if name != "venue"
        ),
    )


def read_metadata(path: Path) -> pl.DataFrame | None:
    """Read the `symbols.csv` beside the bars.

    Returns
    -------
    pl.DataFrame or None
        One row for each symbol; None where there is no such file.

    Raises
    ------
    NotATableError
        When the file cannot be read, or has no column `symbol`.
    """
    file = (path if path.is_dir() else path.parent) / METADATA_FILE
    if not file.is_file():
        return None
    frame = read_table(file)
    if "symbol" not in frame.columns:
        raise NotATableError(f"{file}: column symbol is missing")
    if "quote_currency" in frame.columns:
        frame = frame.rename({"quote_currency": "quote"})
    metadata = normalized(frame).drop("opened_at", *NUMBERS)
    return metadata.group_by("symbol", maintain_order=True).agg(pl.all().drop_nulls().first())


def _text(name: str) -> pl.Expr:
    stripped = pl.col(name).cast(pl.String).str.strip_chars()
    return pl.when(stripped != "").then(stripped).alias(name)


def _number(frame: pl.DataFrame, name: str) -> pl.Expr:
    column = pl.col(name)
    if frame.schema[name].is_numeric():
        return column.cast(pl.Float64)
    text = _text(name)
    value = text.cast(pl.Float64, strict=False)
    return pl.when(text.is_not_null() & value.is_null()).then(pl.lit(float("nan"))).otherwise(value).alias(name)


def _timestamp(frame: pl.DataFrame, name: str) -> pl.Expr:
    kind, column = frame.schema[name], pl.col(name)
    if isinstance(kind, pl.Datetime):
        utc = column if kind.time_zone is None else column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return utc.cast(pl.Datetime("us"))
    if kind == pl.Date:
        return column.cast(pl.Datetime("us"))
    if kind != pl.String:
        return pl.lit(None, dtype=pl.Datetime("us"))
    text = column.str.strip_chars()
    # A time with offset or Z is converted; one without is UTC (docs/method/01-time-sessions-bars.md#1.1).
    zoned = text.str.to_datetime("%+", strict=False, time_unit="us", time_zone="UTC").dt.replace_time_zone(None)
    return pl.coalesce(
        text.str.to_datetime("%Y-%m-%d", strict=False, time_unit="us"),
        text.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False, time_unit="us"),
        text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False, time_unit="us"),
        zoned,
    )
