"""The question that a scanner asks the service: filters, columns and market (protocol: scanner payload)."""

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
    judged_columns,
)
from ingest.screening.strategies import mirrored

_OPERATIONS = {">": "greater", ">=": "egreater", "<": "less", "<=": "eless"}
# In dollars here, in the quote's currency there: judged here only.
_JUDGED_HERE = ("value_traded_usd", "market_cap_usd")


@dataclass(frozen=True, slots=True)
class Query:
    """One question to one market.

    Attributes
    ----------
    columns : tuple of str
        Fields of the service, in the order in which it answers.
    local : dict
        Column of this house to field of the service.
    missing : tuple of str
        Columns that the rules read and the market does not have: then nothing there can satisfy them.
    indexes : tuple of str
        Indices whose members are asked for; none asks for all.
    """

    market: str
    subject: str
    columns: tuple[str, ...]
    local: dict[str, str]
    filters: tuple[Condition, ...]
    floor: float | None
    is_floor_required: bool
    missing: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """The market in the address: sets of symbols are asked for at all markets at once."""
        return "global" if self.indexes else self.market

    def body(self, first: int, last: int) -> dict[str, object]:
        """Return the payload for the rows [first, last); sorted by name, since names do not move between two pages."""
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
        """Apply the floor where the quote is a dollar; elsewhere it is applied here, after conversion."""
        ways = [
            Condition("currency", "not_in_range", list(USD_LIKE)),
            Condition("Value.Traded", "egreater", floor),
        ]
        if not self.is_floor_required:
            ways.append(Condition("Value.Traded", "empty", None))
        operands = [{"expression": one.as_json()} for one in ways]
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
    """Build the question of a scanner to one market.

    What the service filters is what `rules.evaluate` asks as well, so the answer can be judged again here. Where the base
    universe of one instrument depends on the others, the service must not leave any out: the rules are applied here only.

    Parameters
    ----------
    known : frozenset of str
        Fields that the market has.
    is_universe : bool
        Leave out the strategy: ask for everything that the scanner could find.
    """
    judged = judged_columns(scanner)
    wanted = () if is_universe else tuple(dict.fromkeys([*judged, *USUAL, *scanner.columns]))
    names = {column: field_of(column, scanner.name, market) for column in wanted}
    has = known | UNLISTED if is_country(market) else known
    local = {column: name for column, name in names.items() if name in has}
    missing = tuple(column for column in judged if column not in local and column not in _JUDGED_HERE)
    if scanner.market_cap_rank_max is not None and "market_cap_usd" not in local:
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
        tuple(dict.fromkeys([*describing, *local.values()])),
        local,
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
        if one.left in _JUDGED_HERE:
            continue
        right: object
        if isinstance(one.right, tuple):
            right = [code_of(one.left, value, scanner.name) for value in one.right]
        else:
            right = code_of(one.left, one.right, scanner.name)
        found.append(Condition(field_of(one.left, scanner.name), one.operation, right))
    return found


def is_text(column: str) -> bool:
    """Say whether a column of the service holds text."""
    return column in TEXT_FIELDS
