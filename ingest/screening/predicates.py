"""Does an instrument satisfy a scanner? The rules of docs/method/05-discovery-selection.md#5.1 on a frame of scanner columns."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence

import polars as pl

from ingest.errors import ScannerInputError
from ingest.screening.base_universe import exclusions, present
from ingest.screening.scanners import Scanner
from ingest.screening.strategies import mirrored
from lakehouse.schema.tables import CONTRACTS

_IDENTITY = ("symbol", "asset_class", "product", "venue", "session_date")
# Columns of raw.scans that are copied where the frame has them; the rest of a scanner's columns go to the payload.
_COPIED = (
    *("close", "volume", "value_traded_usd", "market_cap_usd", "adx", "rsi", "stoch_k", "atr", "volatility_d"),
    *("recommend_all", "perf_w", "perf_1m", "perf_3m", "perf_6m"),
)
_COMPARE: dict[str, Callable[[pl.Expr, float | str], pl.Expr]] = {
    ">": lambda column, value: column > value,
    ">=": lambda column, value: column >= value,
    "<": lambda column, value: column < value,
    "<=": lambda column, value: column <= value,
    "=": lambda column, value: column == value,
    "<>": lambda column, value: column != value,
}
_OPERATIONS = {"greater": ">", "egreater": ">=", "less": "<", "eless": "<=", "equal": "=", "nequal": "<>"}


def evaluate(scanner: Scanner, columns: pl.DataFrame) -> pl.DataFrame:
    """Judge every instrument of the scanner's market at one session.

    A field that is missing (NULL, NaN, or no such column) fails its rule, and the reason names it.

    Parameters
    ----------
    columns : pl.DataFrame
        One row for each instrument: symbol, asset_class, product, venue, session_date and scanner columns.

    Returns
    -------
    pl.DataFrame
        symbol, passed, reason ("passed", or each rule that failed), sorted by symbol; instruments of other classes,
        products and venues are not in it.

    Raises
    ------
    ScannerInputError
        When an identifying column is absent or a symbol stands twice.
    """
    # The order of the symbols settles equal sizes in the base universe.
    market = _market(scanner, columns).sort("symbol")
    failures = [_failure(market, *condition) for condition in _conditions(scanner)] + exclusions(scanner, market)
    reason = pl.concat_str(failures, separator="; ", ignore_nulls=True) if failures else pl.lit("")
    return market.select("symbol", reason.alias("reason")).select(
        "symbol",
        (pl.col("reason") == "").alias("passed"),
        pl.when(pl.col("reason") == "").then(pl.lit("passed")).otherwise("reason").alias("reason"),
    )


def scan_from_columns(
    scanner: Scanner, columns: pl.DataFrame, *, source: str, run_id: str, scanned_at: dt.datetime
) -> pl.DataFrame:
    """Scan rows of `marts.scanner_columns` as a source's own scanner would, and return rows of `raw.scans`."""
    judged = evaluate(scanner, columns)
    return scans_of(scanner, columns, judged, source=source, run_id=run_id, scanned_at=scanned_at)


def scans_of(
    scanner: Scanner, columns: pl.DataFrame, judged: pl.DataFrame, *, source: str, run_id: str, scanned_at: dt.datetime
) -> pl.DataFrame:
    """Rows of `raw.scans` for what passed, as a source's own scanner would give them.

    Rank 1 is the most traded in USD, ties and unknown values by symbol; the scanner's `limit` cuts.

    Parameters
    ----------
    columns, judged : pl.DataFrame
        The frame that `evaluate` judged, and what it said.
    """
    passed = judged.filter("passed").select("symbol")
    known = _complete(columns.join(passed, on="symbol", how="semi"))
    extra = [name for name in dict.fromkeys(scanner.columns) if name in columns.columns and name not in _COPIED]
    found = known.sort(["value_traded_usd", "symbol"], descending=[True, False], nulls_last=True).head(scanner.limit)
    payload = (
        [json.dumps(row, sort_keys=True, default=str) for row in found.select(extra).to_dicts()] if extra else None
    )
    contract = CONTRACTS["raw.scans"]
    return found.with_columns(
        pl.lit(run_id).alias("run_id"),
        pl.lit(scanner.name).alias("scanner"),
        pl.lit(source).alias("source"),
        pl.lit(scanner.direction).alias("direction"),
        pl.lit(scanner.strategy).alias("strategy"),
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("rank"),
        pl.Series("payload", payload, dtype=pl.String) if payload else pl.lit(None, dtype=pl.String).alias("payload"),
        pl.lit(scanned_at, dtype=pl.Datetime("us")).alias("scanned_at"),
    ).select(contract.names)


def _market(scanner: Scanner, columns: pl.DataFrame) -> pl.DataFrame:
    absent = [name for name in _IDENTITY if name not in columns.columns]
    if absent:
        raise ScannerInputError(f"scanner {scanner.name}: the frame lacks {', '.join(absent)}; join marts.instruments")
    if columns["symbol"].is_duplicated().any():
        twice = columns.filter(pl.col("symbol").is_duplicated())["symbol"].sort()[0]
        raise ScannerInputError(f"scanner {scanner.name}: {twice} stands twice; give the rows of one session")
    market = columns.filter(pl.col("asset_class").is_in(list(scanner.asset_classes)))
    if scanner.product is not None:
        market = market.filter(pl.col("product") == scanner.product)
    return market.filter(pl.col("venue").is_in(list(scanner.venues))) if scanner.venues else market


def unread(scanner: Scanner, columns: pl.DataFrame) -> tuple[str, ...]:
    """Return the columns without which nothing can pass, and which the frame does not have."""
    wanted = [rule.column for rule in scanner.rules] + [one.left for one in scanner.filters]
    wanted += ["indexes"] if scanner.indexes else []
    wanted += ["market_cap_usd"] if scanner.market_cap_rank_max is not None else []
    return tuple(name for name in dict.fromkeys(wanted) if name not in columns.columns)


def _conditions(scanner: Scanner) -> list[tuple[str, str, float | str | tuple[float | str, ...]]]:
    """List column, comparison and value of every rule and filter, in the scanner's direction."""
    found: list[tuple[str, str, float | str | tuple[float | str, ...]]] = []
    for rule in scanner.rules:
        comparison, value = mirrored(rule, scanner.threshold(rule.threshold), scanner.direction)
        found.append((rule.column, comparison, value))
    found.extend((one.left, _OPERATIONS.get(one.operation, one.operation), one.right) for one in scanner.filters)
    return found


def _failure(frame: pl.DataFrame, name: str, comparison: str, value: float | str | tuple[float | str, ...]) -> pl.Expr:
    """Say why a rule fails, NULL where it holds."""
    if name not in frame.columns or frame.schema[name] == pl.Null:
        return pl.lit(f"missing {name}")
    is_text = any(isinstance(one, str) for one in (value if isinstance(value, tuple) else (value,)))
    if is_text == frame.schema[name].is_numeric():
        kind = "text" if is_text else "a number"
        raise ScannerInputError(f"column {name} is {frame.schema[name]} and cannot be compared with {kind} {value!r}")
    shown = pl.col(name).round(4).cast(pl.String) if frame.schema[name].is_float() else pl.col(name).cast(pl.String)
    return (
        pl.when(~present(name, frame))
        .then(pl.lit(f"missing {name}"))
        .when(~_holds(name, comparison, value))
        .then(pl.format("{} {} is not {} {}", pl.lit(name), shown, pl.lit(comparison), pl.lit(str(value))))
    )


def _holds(name: str, comparison: str, value: float | str | tuple[float | str, ...]) -> pl.Expr:
    column = pl.col(name)
    if not isinstance(value, tuple):
        return _COMPARE[comparison](column, value)
    # As in the scanner protocol: two numbers are bounds, anything else is a list of values.
    is_bounds = len(value) == 2 and all(isinstance(one, int | float) for one in value)
    inside = column.is_between(pl.lit(value[0]), pl.lit(value[1])) if is_bounds else column.is_in(list(value))
    return inside if comparison == "in_range" else ~inside


def _complete(frame: pl.DataFrame) -> pl.DataFrame:
    """Add the copied columns that the frame does not have as NULL: unknown, never invented."""
    absent = [pl.lit(None, dtype=pl.Float64).alias(name) for name in _COPIED if name not in frame.columns]
    return frame.with_columns(absent).with_columns(pl.col(name).cast(pl.Float64) for name in _COPIED)


def summarise(verdicts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Count which rule failed how often: reason, n_instruments, most frequent first."""
    schema = {"reason": pl.String(), "n_instruments": pl.UInt32()}
    failed = [
        one.filter(~pl.col("passed")).select(pl.col("reason").str.split("; ")).explode("reason") for one in verdicts
    ]
    if not failed:
        return pl.DataFrame(schema=schema)
    first_words = pl.col("reason").str.extract(r"^(missing \S+|\S+)")
    return (
        pl.concat(failed)
        .group_by(first_words.alias("reason"))
        .agg(pl.len().alias("n_instruments"))
        .sort(["n_instruments", "reason"], descending=[True, False])
    )
