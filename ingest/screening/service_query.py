"""Build the request of a scanner to TradingView: market, filters and columns.

See docs/protocols.md#tradingview-scanner.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ingest.screening.scanners import Scanner
from ingest.screening.service_fields import (
    DESCRIBING,
    TEXT_FIELDS,
    UNLISTED,
    USD_LIKE,
    USUAL,
    Condition,
    class_conditions,
    code_of,
    field_of,
    is_country,
    rule_columns_of,
)
from ingest.screening.strategies import mirrored

_OPERATIONS = {">": "greater", ">=": "egreater", "<": "less", "<=": "eless"}
# In US dollars here and in the quote currency at the service, so that only this package applies conditions on them.
_LOCAL_ONLY = ("value_traded_usd", "market_cap_usd")


@dataclass(frozen=True, slots=True)
class Query:
    """Request of one scanner to one market.

    Attributes
    ----------
    subject : str
        Description of the request, for messages.
    columns : tuple of str
        Fields of the service, in the order of the values in its response.
    fields : dict of str to str
        Field of the service by scanner column.
    floor : float or None
        Liquidity floor, in US dollars, that the service applies to quotes in dollars.
    missing : tuple of str
        Columns that the rules read and the market lacks; then no instrument there can pass.
    indexes : tuple of str
        Indices whose members are requested; without any, all instruments are.
    """

    market: str
    subject: str
    columns: tuple[str, ...]
    fields: dict[str, str]
    filters: tuple[Condition, ...]
    floor: float | None
    is_floor_required: bool
    missing: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()

    @property
    def path_market(self) -> str:
        """Market in the path of the request: members of indices are requested from all markets at once."""
        return "global" if self.indexes else self.market

    def body(self, first: int, last: int) -> dict[str, object]:
        """Return the payload for the rows [first, last), sorted by name so that pages do not shift between requests."""
        symbols: dict[str, object] = {"query": {"types": []}, "tickers": []}
        if self.indexes:
            symbols["symbolset"] = [f"SYML:{index.replace(':', ';')}" for index in self.indexes]
        payload: dict[str, object] = {
            "markets": [self.market],
            "symbols": symbols,
            "options": {"lang": "en"},
            "columns": list(self.columns),
            "filter": [one.as_json() for one in self.filters],
            "sort": {"sortBy": "name", "sortOrder": "asc", "nullsFirst": False},
            "range": [first, last],
            "ignore_unknown_fields": False,
        }
        if self.floor is not None:
            payload["filter2"] = self._floor(self.floor)
        return payload

    def _floor(self, floor: float) -> dict[str, object]:
        """Apply the floor to quotes in dollars; for others this package applies it after conversion."""
        alternatives = [
            Condition("currency", "not_in_range", list(USD_LIKE)),
            Condition("Value.Traded", "egreater", floor),
        ]
        if not self.is_floor_required:
            alternatives.append(Condition("Value.Traded", "empty", None))
        operands = [{"expression": one.as_json()} for one in alternatives]
        return {"operator": "and", "operands": [{"operation": {"operator": "or", "operands": operands}}]}


def build_query(
    scanner: Scanner,
    market: str,
    asset_class: str,
    venues: Iterable[str],
    known: frozenset[str],
    *,
    is_universe: bool = False,
) -> Query:
    """Build the request of a scanner to one market.

    The service applies the conditions of `predicates.evaluate`, which is evaluated on its response once more. Where the
    base universe depends on all instruments, the service applies no rules, so that none is left out.

    Parameters
    ----------
    known : frozenset of str
        Fields that the market has.
    is_universe : bool
        Whether to leave out the strategy, and so to request everything that the scanner could find.

    Raises
    ------
    ScannerConfigError
        When the service does not have a column or a value of the scanner.
    """
    rule_columns = rule_columns_of(scanner)
    requested = () if is_universe else tuple(dict.fromkeys([*rule_columns, *USUAL, *scanner.columns]))
    names = {column: field_of(column, scanner.name, market) for column in requested}
    has = known | UNLISTED if is_country(market) else known
    fields = {column: name for column, name in names.items() if name in has}
    missing = tuple(column for column in rule_columns if column not in fields and column not in _LOCAL_ONLY)
    if scanner.market_cap_rank_max is not None and "market_cap_usd" not in fields:
        missing += ("market_cap_usd",)
    describing = tuple(name for name in DESCRIBING if name in has)
    conditions = [*class_conditions(asset_class, scanner.product)]
    conditions.append(Condition("exchange", "in_range", sorted(venues)))
    if not is_universe and not scanner.is_relative:
        conditions += [*_rules(scanner), *_filters(scanner)]
    floor = scanner.value_traded_min_usd if "Value.Traded" in has and scanner.value_traded_min_usd > 0 else None
    return Query(
        market,
        f"scanner {scanner.name} on {market}",
        tuple(dict.fromkeys([*describing, *fields.values()])),
        fields,
        tuple(conditions),
        floor,
        scanner.liquidity_required,
        () if is_universe else missing,
        scanner.indexes,
    )


def _rules(scanner: Scanner) -> list[Condition]:
    found = []
    for rule in scanner.rules:
        comparison, value = mirrored(rule, scanner.threshold(rule.threshold), scanner.direction)
        found.append(Condition(field_of(rule.column, scanner.name), _OPERATIONS[comparison], value))
    return found


def _filters(scanner: Scanner) -> list[Condition]:
    found = []
    for one in scanner.filters:
        if one.left in _LOCAL_ONLY:
            continue
        right: object
        if isinstance(one.right, tuple):
            right = [code_of(one.left, value, scanner.name) for value in one.right]
        else:
            right = code_of(one.left, one.right, scanner.name)
        found.append(Condition(field_of(one.left, scanner.name), one.operation, right))
    return found


def is_text(column: str) -> bool:
    """Return whether a scanner column holds text."""
    return column in TEXT_FIELDS
