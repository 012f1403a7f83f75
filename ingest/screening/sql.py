"""Compile scanners to SQL conditions on the columns that instruments have on bars.

See docs/method/05-discovery-selection.md#5.1.

The dbt macro `scanner_predicates` builds one query of each scanner from these conditions. Text of a scanner file reaches
SQL only as an escaped literal, and a column only by a name of `NUMBERS` or `TEXTS`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import polars as pl

from ingest.errors import ScannerInputError
from ingest.screening.scanners import Filter, Scanner
from ingest.screening.strategies import mirrored
from lakehouse.connection.catalog import literal

NUMBERS = frozenset({
    "close", "change", "volume", "value_traded_usd", "perf_w", "perf_1m", "perf_3m", "perf_6m", "volatility_d", "atr", "adx",
    "plus_di", "minus_di", "rsi", "stoch_k", "stoch_d", "stoch_rsi_k", "stoch_rsi_d", "cci20", "macd", "macd_signal",
    "momentum10", "awesome_oscillator", "williams_r", "ultimate_oscillator", "bull_bear_power", "sma10", "sma20", "sma30",
    "sma50", "sma100", "sma200", "ema10", "ema20", "ema30", "ema50", "ema100", "ema200", "vwma20", "hma9", "ichimoku_base",
    "recommend_ma", "recommend_other", "recommend_all", "close|1W", "change|1W", "rsi|1W", "momentum10|1W",
})  # fmt: skip
"""Columns of numbers that the model `int_scanner_inputs` has, as scanners name them."""

TEXTS = frozenset({"asset_class", "product", "venue", "ticker", "sector", "industry", "currency"})
"""Columns of text that the model has."""

COPIED = (
    *("close", "volume", "value_traded_usd", "market_cap_usd", "adx", "rsi", "stoch_k", "atr", "volatility_d"),
    *("recommend_all", "perf_w", "perf_1m", "perf_3m", "perf_6m"),
)
"""Columns of a find of their own; the other columns of a scanner go to the payload."""

OPERATORS = {"greater": ">", "egreater": ">=", "less": "<", "eless": "<=", "equal": "=", "nequal": "<>"}
"""Comparison of each operation of the scanner protocol that takes one value."""

# A missing value fails its rule. NULL does so by itself; NaN is the greatest number in DuckDB and must be excluded where
# a greatest number would pass.
_NAN_PASSES = frozenset({">", ">=", "<>", "not_in_range"})
_EXACT_DIGITS = 15


@dataclass(frozen=True, slots=True)
class ScannerSql:
    """Conditions of one scanner in SQL.

    Attributes
    ----------
    universe : str
        Condition on the base universe: class, product, venue, index membership and liquidity.
    venue_order : str, optional
        Number of the venue in the order of `venue_priority`; of the listings of one ticker the lowest is kept.
    size_limit : int, optional
        Number of instruments that are kept, the largest by market capitalisation first.
    predicate : str
        The rules of the strategy and the filters.
    payload : str, optional
        JSON object of the other columns that the scanner carries along.
    missing_columns : str, optional
        Columns that the scanner requires and bars do not have; then it finds nothing.
    """

    universe: str
    venue_order: str | None
    size_limit: int | None
    predicate: str
    payload: str | None
    missing_columns: str | None


def sql_name(column: str) -> str:
    """Return the name in SQL of a scanner column: `rsi|1W` is `rsi_1w`."""
    return column.replace("|", "_").lower()


def compiled(scanner: Scanner, numbers: frozenset[str] = NUMBERS, texts: frozenset[str] = TEXTS) -> ScannerSql:
    """Compile a scanner.

    Parameters
    ----------
    numbers, texts : frozenset of str, optional
        Columns that exist. A condition on another one is `false`.

    Raises
    ------
    ScannerInputError
        When a column of numbers is compared with text, or the other way round.
    """
    known = numbers | texts
    required = [rule.column for rule in scanner.rules] + [one.left for one in scanner.filters]
    # Membership of an index is known at present only, so that bars do not have it.
    required += ["indexes"] if scanner.indexes else []
    required += ["market_cap_usd"] if scanner.market_cap_rank_max is not None else []
    missing = [name for name in dict.fromkeys(required) if name not in known]
    conditions = [*_rules(scanner, known), *(_filter(scanner, one, numbers, texts) for one in scanner.filters)]
    has_sizes = "market_cap_usd" in known
    if scanner.market_cap_rank_max is not None and not has_sizes:
        conditions.append("false")
    return ScannerSql(
        universe=" and ".join(_universe(scanner)),
        venue_order=_venue_order(scanner),
        size_limit=scanner.market_cap_rank_max if has_sizes else None,
        predicate=" and ".join(conditions),
        payload=_payload(scanner, known),
        missing_columns=", ".join(missing) or None,
    )


def scanner_rows(scanners: Sequence[Scanner]) -> pl.DataFrame:
    """Return the rows of `scope.scanners` without `run_id`."""
    rows = [
        {"scanner": one.name, "strategy": one.strategy, "direction": one.direction, "row_limit": one.limit}
        | asdict(compiled(one))
        for one in scanners
    ]
    numbers = {"row_limit": pl.Int64(), "size_limit": pl.Int64()}
    names = ("scanner", "strategy", "direction", "row_limit", *ScannerSql.__dataclass_fields__)
    return pl.DataFrame(rows, schema={name: numbers.get(name, pl.String()) for name in names})


def _universe(scanner: Scanner) -> Iterator[str]:
    yield f"asset_class in ({_literals(scanner.asset_classes)})"
    if scanner.product is not None:
        yield f"product = {literal(scanner.product)}"
    if scanner.venues:
        yield f"venue in ({_literals(scanner.venues)})"
    if scanner.indexes:
        yield "false"
    floor = _number(scanner.value_traded_min_usd)
    if scanner.liquidity_required:
        yield f"value_traded_usd >= {floor} and not isnan(value_traded_usd)"
    elif scanner.value_traded_min_usd > 0:
        yield f"(value_traded_usd >= {floor} or value_traded_usd is null)"


def _venue_order(scanner: Scanner) -> str | None:
    if not scanner.venue_priority:
        return None
    cases = " ".join(f"when {literal(venue)} then {order}" for order, venue in enumerate(scanner.venue_priority))
    return f"case venue {cases} else {len(scanner.venue_priority)} end"


def _rules(scanner: Scanner, known: frozenset[str]) -> Iterator[str]:
    for rule in scanner.rules:
        comparison, value = mirrored(rule, scanner.threshold(rule.threshold), scanner.direction)
        yield _compared(rule.column, comparison, _number(value)) if rule.column in known else "false"


def _filter(scanner: Scanner, one: Filter, numbers: frozenset[str], texts: frozenset[str]) -> str:
    if one.left not in numbers | texts:
        return "false"
    values = one.right if isinstance(one.right, tuple) else (one.right,)
    is_text = any(isinstance(value, str) for value in values)
    if is_text == (one.left in numbers):
        kinds = ("numbers", "text") if is_text else ("text", "a number")
        raise ScannerInputError(
            f"scanner {scanner.name}: column {one.left} holds {kinds[0]} and cannot be compared with {kinds[1]} {one.right!r}"
        )
    if not isinstance(one.right, tuple):
        comparison = OPERATORS[one.operation]
        return _compared(one.left, comparison, _value(one.right)) if not is_text else (
            f"{sql_name(one.left)} {comparison} {_value(one.right)}"
        )  # fmt: skip
    # As in the scanner protocol: two numbers are bounds, anything else is a list of values.
    is_bounds = len(values) == 2 and not is_text
    test = (
        f"between {_value(values[0])} and {_value(values[1])}"
        if is_bounds
        else f"in ({', '.join(map(_value, values))})"
    )
    inside = f"{sql_name(one.left)} {'' if one.operation == 'in_range' else 'not '}{test}"
    return inside if is_text or one.operation == "in_range" else f"{inside} and not isnan({sql_name(one.left)})"


def _compared(column: str, comparison: str, value: str) -> str:
    condition = f"{sql_name(column)} {comparison} {value}"
    return f"{condition} and not isnan({sql_name(column)})" if comparison in _NAN_PASSES else condition


def _payload(scanner: Scanner, known: frozenset[str]) -> str | None:
    extra = sorted({name for name in scanner.columns if name in known and name not in COPIED})
    pairs = ", ".join(f"{literal(name)}, {sql_name(name)}" for name in extra)
    return f"json_object({pairs})" if extra else None


def _literals(values: Sequence[str]) -> str:
    return ", ".join(literal(value) for value in values)


def _value(value: float | str) -> str:
    return literal(value) if isinstance(value, str) else _number(value)


def _number(value: float) -> str:
    """Write a number as SQL reads it back to the last bit; a decimal literal of more digits would be rounded twice."""
    text = repr(float(value) + 0.0)  # -0.0 becomes 0.0
    digits = sum(letter.isdigit() for letter in text)
    if not math.isfinite(value) or (digits > _EXACT_DIGITS and "e" not in text):
        return f"'{text}'::double"
    return text
