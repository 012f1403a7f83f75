"""Check loaded scanners offline, by rules with stable codes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ingest.errors import ScannerConfigError, nearest
from ingest.reference.venues import Venues
from ingest.screening.scanners import Scanner
from ingest.screening.service_fields import (
    FIELDS,
    INDEXES,
    TIMEFRAMES,
    field_of,
    lacking,
    markets_of,
    rule_columns_of,
    venues_of,
)
from ingest.screening.service_query import build_query
from ingest.screening.strategies import NAMED, STRATEGIES

Severity = Literal["error", "warning", "note"]
# Pages of rows that one scanner may request of a service; a portfolio holds far fewer instruments.
PAGE_BUDGET, PAGE_ROWS = 4, 500
COUNTRIES = ("US",)

RULES: dict[str, str] = {
    "SCN001": "the file cannot be read as one mapping",
    "SCN002": "a key that no scanner has",
    "SCN003": "a layer that does not exist, or a loop of layers",
    "SCN004": "a value that a scanner cannot have",
    "SCN005": "a column that no source has",
    "SCN006": "a value outside the range of its column",
    "SCN007": "no request to a market can be built",
    "SCN008": "the name says another direction",
    "SCN009": "the name says another strategy",
    "SCN010": "a row of the table that cannot be read",
    "SCN011": "a scanner that the table and a file both define",
    "SCN101": "a layer that no scanner uses",
    "SCN102": "two scanners that find the same instruments",
    "SCN103": "a setting without effect",
    "SCN104": "the name does not end with strategy and direction",
    "SCN105": "no liquidity floor",
    "SCN106": "a limit beyond the page budget",
    "SCN107": "an unknown index",
    "SCN201": "a market that does not have the columns of the rules",
}
"""Meaning of every code: SCN0 is an error, SCN1 a warning, SCN2 a note on a market where a scanner finds nothing."""

_ANY = (-math.inf, math.inf)
_SHARE, _PERCENT, _RATING = (0.0, 100.0), (-100.0, math.inf), (-1.0, 1.0)
_RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("adx", "plus_di", "minus_di", "rsi", "stoch_k", "stoch_d", "ultimate_oscillator"), _SHARE),
    **dict.fromkeys(("stoch_rsi", "stoch_rsi_k", "stoch_rsi_d"), _SHARE),
    **dict.fromkeys(("recommend_all", "recommend_ma", "recommend_other"), _RATING),
    **dict.fromkeys(("change", "perf_w", "perf_1m", "perf_3m", "perf_6m"), _PERCENT),
    **dict.fromkeys(("close", "volume", "value_traded_usd", "market_cap_usd", "atr", "volatility_d"), (0.0, math.inf)),
    "williams_r": (-100.0, 0.0),
}


@dataclass(frozen=True, slots=True, order=True)
class LintFinding:
    """Problem of a scanner or a layer.

    Attributes
    ----------
    where : str
        Layer, such as `scanners/equity_trend_long`, or a cell of the table.
    code : str
        Key of `RULES`.
    message, fix : str
        Problem, and what to do about it.
    """

    where: str
    code: str
    message: str
    fix: str

    @property
    def severity(self) -> Severity:
        """Severity that the first digit of the code stands for."""
        return {"0": "error", "1": "warning"}.get(self.code[3], "note")  # type: ignore[return-value]

    def __str__(self) -> str:
        """Return one line with layer, code, severity, message and fix."""
        return f"{self.where}: {self.code} {self.severity}: {self.message}; {self.fix}"

    def as_json(self) -> dict[str, str]:
        """Return the finding with its severity, for JSON."""
        return {
            "code": self.code,
            "severity": self.severity,
            "where": self.where,
            "message": self.message,
            "fix": self.fix,
        }


def check_scanner(scanner: Scanner, venues: Venues) -> tuple[LintFinding, ...]:
    """Check one resolved scanner."""
    columns = tuple(_columns(scanner))
    found = [*columns, *_ranges(scanner), *_name(scanner), *_size(scanner)]
    # A request with an unknown column cannot be built either; one finding is enough.
    return tuple(found if columns else [*found, *_requests(scanner, venues)])


def check_pairs(scanners: Sequence[Scanner]) -> tuple[LintFinding, ...]:
    """Find scanners that differ only in name, title or the columns that they carry along."""
    first: dict[str, str] = {}
    found = []
    for scanner in scanners:
        conditions = scanner.model_dump(mode="json", exclude={"name", "title", "columns", "thresholds"})
        conditions["thresholds"] = {
            rule.threshold: scanner.threshold(rule.threshold) for rule in STRATEGIES[scanner.strategy]
        }
        other = first.setdefault(json.dumps(conditions, sort_keys=True), scanner.name)
        if other != scanner.name:
            found.append(_at(scanner, "SCN102", f"finds the same as {other}", "delete one, or let them differ"))
    return tuple(found)


def _at(scanner: Scanner, code: str, message: str, fix: str) -> LintFinding:
    return LintFinding(f"scanners/{scanner.name}", code, message, fix)


def _columns(scanner: Scanner) -> Iterator[LintFinding]:
    for column in dict.fromkeys([*(one.left for one in scanner.filters), *scanner.columns]):
        try:
            field_of(column, scanner.name)
        except ScannerConfigError:
            base, bar, timeframe = column.partition("|")
            message = f"column {column!r} does not exist"
            if bar and base in FIELDS:
                message = f"column {base!r} does not exist at {timeframe!r}"
                yield _at(
                    scanner, "SCN005", message, f"leave the timeframe out, or take one of {', '.join(TIMEFRAMES)}"
                )
            else:
                yield _at(scanner, "SCN005", message, nearest(base, FIELDS))


def _ranges(scanner: Scanner) -> Iterator[LintFinding]:
    limits = [(rule.column, f"threshold {rule.threshold}", scanner.threshold(rule.threshold)) for rule in scanner.rules]
    for one in scanner.filters:
        values = one.right if isinstance(one.right, tuple) else (one.right,)
        limits += [(one.left, f"filter on {one.left}", value) for value in values if isinstance(value, int | float)]
    for column, setting, value in limits:
        low, high = _RANGES.get(column.partition("|")[0], _ANY)
        if not low <= value <= high:
            message = f"{setting} is {value:g}, and {column} lies between {low:g} and {high:g}"
            yield _at(scanner, "SCN006", message, "give a value inside the range; this condition holds always or never")


def _name(scanner: Scanner) -> Iterator[LintFinding]:
    stem, _, side = scanner.name.rpartition("_")
    if side not in ("long", "short"):
        yield _at(scanner, "SCN104", "the name does not end with its direction", f"append _{scanner.direction.lower()}")
        stem = scanner.name
    elif side.upper() != scanner.direction:
        message = f"the name ends with {side!r} and the scanner is {scanner.direction}"
        yield _at(scanner, "SCN008", message, "rename it, or give the other direction")
    # `price_momentum` and `multi_timeframe` are words of two parts.
    word = next((one for one in sorted(NAMED, key=len, reverse=True) if f"_{stem}".endswith(f"_{one}")), None)
    right = next((one for one, strategy in NAMED.items() if strategy == scanner.strategy), scanner.strategy)
    if word is None:
        message = f"the name does not say its strategy {scanner.strategy}"
        yield _at(scanner, "SCN104", message, f"name it ..._{right}_{scanner.direction.lower()}")
    elif NAMED[word] != scanner.strategy:
        message = f"the name says {word!r} and the strategy is {scanner.strategy}"
        yield _at(scanner, "SCN009", message, f"rename it to ..._{right}_{scanner.direction.lower()}")


def _size(scanner: Scanner) -> Iterator[LintFinding]:
    if scanner.value_traded_min_usd <= 0:
        fix = "give value_traded_min_usd; where volume may be unknown, with liquidity_required: false"
        yield _at(scanner, "SCN105", "it has no liquidity floor", fix)
    most = PAGE_BUDGET * PAGE_ROWS
    if scanner.limit > most:
        yield _at(scanner, "SCN106", f"limit {scanner.limit} is more than {PAGE_BUDGET} pages", f"at most {most}")
    for index in scanner.indexes:
        if index not in INDEXES:
            yield _at(scanner, "SCN107", f"index {index!r} is not known", nearest(index, INDEXES))


def _requests(scanner: Scanner, venues: Venues) -> Iterator[LintFinding]:
    """Build the request to every market as the client does, and yield what prevents it."""
    unknown = [name for name in (*scanner.venues, *scanner.venue_priority) if name not in venues.by_name]
    for name in dict.fromkeys(unknown):
        yield _at(scanner, "SCN007", f"venue {name!r} has no row in venues.csv", nearest(name, venues.by_name))
    every = frozenset([*FIELDS.values(), *(f"{name}|{frame}" for name in FIELDS.values() for frame in TIMEFRAMES)])
    for asset_class in scanner.asset_classes:
        names = venues_of(scanner, asset_class, venues)
        markets = markets_of(asset_class, names, venues, COUNTRIES) if names else ()
        if not markets and not unknown:
            message = f"no market for {asset_class} at {', '.join(scanner.venues) or 'any venue'}"
            yield _at(scanner, "SCN007", message, "name venues that trade the class, or leave venues out")
        for market in markets:
            try:
                body = build_query(scanner, market, asset_class, names, every).body(0, PAGE_ROWS)
                json.dumps(body, allow_nan=False)
            except (ScannerConfigError, ValueError) as error:
                yield _at(scanner, "SCN007", f"no payload for {market}: {error}", "give a value that the service has")
                continue
            absent = [column for column in rule_columns_of(scanner) if lacking(column, market)]
            if absent:
                message = f"tradingview's market {market} has no {', '.join(absent)}: it finds nothing there"
                yield _at(scanner, "SCN201", message, "run it on bars, or with a strategy whose columns the market has")
