"""Evaluate the rules of a scanner on a frame of scanner columns, with the reason for which each instrument fails.

See docs/method/05-discovery-selection.md#5.1.

For rows that a service returned, and for explanations; bars are screened in SQL by the same rules (`ingest.screening.sql`).
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence

import polars as pl

from ingest.errors import ScannerInputError
from ingest.screening.base_universe import exclusions, present
from ingest.screening.scanners import Scanner
from ingest.screening.sql import COPIED, OPERATORS
from ingest.screening.strategies import mirrored
from lakehouse.schema.tables import CONTRACTS

_IDENTITY = ("symbol", "asset_class", "product", "venue", "session_date")
_COMPARE: dict[str, Callable[[pl.Expr, float | str], pl.Expr]] = {
    ">": lambda column, value: column > value,
    ">=": lambda column, value: column >= value,
    "<": lambda column, value: column < value,
    "<=": lambda column, value: column <= value,
    "=": lambda column, value: column == value,
    "<>": lambda column, value: column != value,
}


def evaluate(scanner: Scanner, columns: pl.DataFrame) -> pl.DataFrame:
    """Evaluate a scanner for every instrument of its market at one session.

    A missing value (NULL, NaN, or no such column) fails its rule, and the reason names the column.

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
        When an identifying column is absent, a symbol has two rows, or a column cannot be compared with its value.
    """
    # Equal sizes in the base universe are ranked by symbol.
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
    """Evaluate a scanner on rows of scanner columns and return rows of `raw.scans`."""
    evaluation = evaluate(scanner, columns)
    return scans_of(scanner, columns, evaluation, source=source, run_id=run_id, scanned_at=scanned_at)


def scans_of(
    scanner: Scanner,
    columns: pl.DataFrame,
    evaluation: pl.DataFrame,
    *,
    source: str,
    run_id: str,
    scanned_at: dt.datetime,
) -> pl.DataFrame:
    """Return rows of `raw.scans` for the instruments that passed.

    Rank 1 has the largest value traded in US dollars, ties and unknown values by symbol. At most `limit` rows of the
    scanner are kept.

    Parameters
    ----------
    columns, evaluation : pl.DataFrame
        Frame of scanner columns, and the result of `evaluate` on it.
    """
    passed = evaluation.filter("passed").select("symbol")
    known = _complete(columns.join(passed, on="symbol", how="semi"))
    extra = [name for name in dict.fromkeys(scanner.columns) if name in columns.columns and name not in COPIED]
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
        raise ScannerInputError(f"scanner {scanner.name}: {twice} has two rows; give the rows of one session")
    market = columns.filter(pl.col("asset_class").is_in(list(scanner.asset_classes)))
    if scanner.product is not None:
        market = market.filter(pl.col("product") == scanner.product)
    return market.filter(pl.col("venue").is_in(list(scanner.venues))) if scanner.venues else market


def _conditions(scanner: Scanner) -> list[tuple[str, str, float | str | tuple[float | str, ...]]]:
    """Return column, comparison and value of every rule and filter, in the direction of the scanner."""
    found: list[tuple[str, str, float | str | tuple[float | str, ...]]] = []
    for rule in scanner.rules:
        comparison, value = mirrored(rule, scanner.threshold(rule.threshold), scanner.direction)
        found.append((rule.column, comparison, value))
    found.extend((one.left, OPERATORS.get(one.operation, one.operation), one.right) for one in scanner.filters)
    return found


def _failure(frame: pl.DataFrame, name: str, comparison: str, value: float | str | tuple[float | str, ...]) -> pl.Expr:
    """Return the reason for which a rule fails as an expression, NULL where it holds."""
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
    """Add the copied columns that the frame lacks, as NULL."""
    absent = [pl.lit(None, dtype=pl.Float64).alias(name) for name in COPIED if name not in frame.columns]
    return frame.with_columns(absent).with_columns(pl.col(name).cast(pl.Float64) for name in COPIED)


def summarise(evaluations: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Count the instruments that fail each rule: reason, n_instruments, most frequent first."""
    schema = {"reason": pl.String(), "n_instruments": pl.UInt32()}
    failed = [
        one.filter(~pl.col("passed")).select(pl.col("reason").str.split("; ")).explode("reason") for one in evaluations
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
