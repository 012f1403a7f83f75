"""Evaluate the operations of the scanner on one row of values."""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.servers.catalogue import NUMERIC, Catalogue

Row = Mapping[str, Any]
Test = Callable[[Row], bool]

ORDERING: dict[str, Callable[[Any, Any], bool]] = {
    "greater": operator.gt,
    "egreater": operator.ge,
    "less": operator.lt,
    "eless": operator.le,
}
COMPARISONS = ORDERING | {"equal": operator.eq, "nequal": operator.ne}
PERCENT = frozenset({"above%", "below%", "in_range%", "not_in_range%"})
CALENDAR = frozenset({"in_day_range", "in_week_range", "in_month_range"})
CROSSINGS = frozenset({"crosses", "crosses_above", "crosses_below"})
TEXT = frozenset({"match", "nmatch", "smatch"})
SETS = frozenset({"has", "has_none_of"})
OPERATIONS = (
    frozenset({*COMPARISONS, "in_range", "not_in_range", "empty", "nempty"})
    | PERCENT
    | CALENDAR
    | CROSSINGS
    | TEXT
    | SETS
)


class QueryRefusedError(Exception):
    """The scanner refuses a query with status 400 and this text."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads filters against the fields of one market.

    Attributes
    ----------
    today : date
        The exchange's day, for the calendar operations.
    ignores_unknown : bool
        An unknown field is null instead of an error.
    """

    catalogue: Catalogue
    market: str
    today: dt.date
    ignores_unknown: bool = False

    def kind(self, field: object) -> str:
        """The type of a field; unknown fields are refused."""
        known = self.catalogue.type_of(self.market, str(field)) if isinstance(field, str) else None
        if known is None and not self.ignores_unknown:
            raise QueryRefusedError(f'Unknown field "{field}"')
        return known or "interface"

    def tree(self, node: Mapping[str, Any]) -> Test:
        """`filter2`: an operator over operands, each an expression or another operation."""
        operands = node.get("operands")
        if node.get("operator") not in {"and", "or"} or not isinstance(operands, list):
            raise QueryRefusedError("filter2 needs an operator (and, or) and a list of operands")
        tests = [self._operand(operand) for operand in operands]
        if node["operator"] == "and":
            return lambda row: all(test(row) for test in tests)
        return lambda row: any(test(row) for test in tests)

    def _operand(self, operand: Mapping[str, Any]) -> Test:
        if isinstance(operand, dict) and isinstance(operand.get("expression"), dict):
            return self.expression(operand["expression"])
        if isinstance(operand, dict) and isinstance(operand.get("operation"), dict):
            return self.tree(operand["operation"])
        raise QueryRefusedError("an operand holds neither an expression nor an operation")

    def expression(self, node: Mapping[str, Any]) -> Test:
        """One comparison of a field with a literal, a list or another field."""
        left, operation, right = node.get("left"), node.get("operation"), node.get("right")
        if operation not in OPERATIONS:
            raise QueryRefusedError(f'Unknown operation "{operation}"')
        # The search box asks for one pattern in several fields at once: `name,description`.
        fields = str(left).split(",") if operation in TEXT else [str(left)]
        kinds = [self.kind(field) for field in fields]
        if operation in TEXT:
            return _matches(fields, operation, str(right or "").lower())
        return self._single(str(left), kinds[0], str(operation), right)

    def _single(self, left: str, kind: str, operation: str, right: Any) -> Test:
        if operation in {"empty", "nempty"}:
            return lambda row: _is_empty(row.get(left)) == (operation == "empty")
        if operation in SETS:
            requested = {right} if isinstance(right, str) else set(right or ())
            return lambda row: _holds(row.get(left), requested, has=operation == "has")
        if operation in {"in_range", "not_in_range"}:
            return self._range(left, kind, right, within=operation == "in_range")
        for family, read in ((PERCENT, self._percent), (CALENDAR, self._calendar), (CROSSINGS, self._crossing)):
            if operation in family:
                return read(left, operation, right)
        value = self._value(right, is_column=operation in ORDERING or kind in NUMERIC)
        return lambda row: _both(row.get(left), value(row), COMPARISONS[operation])

    def _value(self, right: Any, *, is_column: bool) -> Callable[[Row], Any]:
        # A text beside a numeric field names a column; beside a text field it is a literal.
        if isinstance(right, str) and is_column:
            self.kind(right)
            return lambda row: row.get(right)
        return lambda _row: right

    def _range(self, left: str, kind: str, right: Any, *, within: bool) -> Test:
        if not isinstance(right, list):
            raise QueryRefusedError(f'"{left}" in_range needs a list')
        if kind in NUMERIC and len(right) == 2:
            low, high = (self._value(bound, is_column=True) for bound in right)
            return lambda row: _between(row.get(left), low(row), high(row), within=within)
        return lambda row: row.get(left) is not None and (row.get(left) in right) == within

    def _percent(self, left: str, operation: str, right: Any) -> Test:
        if not isinstance(right, list) or len(right) < 2:
            raise QueryRefusedError(f'"{left}" {operation} needs a column and a factor')
        base = self._value(right[0], is_column=True)
        low, high = right[1], right[2] if len(right) > 2 else None

        def test(row: Row) -> bool:
            value, column = row.get(left), base(row)
            if value is None or column is None:
                return False
            if operation == "above%":
                return bool(value > column * low)
            if operation == "below%":
                return bool(value < column * low)
            top = float("inf") if high is None else column * high
            return _between(value, column * low, top, within=operation == "in_range%")

        return test

    def _crossing(self, left: str, operation: str, right: Any) -> Test:
        now = self._value(right, is_column=True)
        before = self._value(f"{right}[1]" if isinstance(right, str) else right, is_column=True)

        def test(row: Row) -> bool:
            was, is_, was_right, is_right = row.get(f"{left}[1]"), row.get(left), before(row), now(row)
            if None in (was, is_, was_right, is_right):
                return False
            above, below = was <= was_right and is_ > is_right, was >= was_right and is_ < is_right
            return bool({"crosses": above or below, "crosses_above": above, "crosses_below": below}[operation])

        return test

    def _calendar(self, left: str, operation: str, right: Any) -> Test:
        if not isinstance(right, list) or len(right) != 2:
            raise QueryRefusedError(f'"{left}" {operation} needs two offsets')

        def test(row: Row) -> bool:
            day = _day(row.get(left))
            return day is not None and right[0] <= _offset(operation, day, self.today) <= right[1]

        return test


def _both(left: Any, right: Any, compare: Callable[[Any, Any], bool]) -> bool:
    if left is None or right is None or isinstance(left, str) != isinstance(right, str):
        return False
    return compare(left, right)


def _between(value: Any, low: Any, high: Any, *, within: bool) -> bool:
    if value is None or low is None or high is None:
        return False
    return bool(low <= value <= high) == within


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", [])


def _holds(value: Any, requested: set[Any], *, has: bool) -> bool:
    held = set(value.split(",")) if isinstance(value, str) else set(value or ())
    return bool(held & requested) == has


def _matches(fields: Sequence[str], operation: str, pattern: str) -> Test:
    def test(row: Row) -> bool:
        values = [str(row[field]).lower() for field in fields if row.get(field) is not None]
        found = any(pattern in value for value in values)
        return bool(values) and found != (operation == "nmatch")

    return test


def _day(value: Any) -> dt.date | None:
    if not isinstance(value, int | float):
        return None
    if 19_000_101 <= value <= 99_991_231:
        year, rest = divmod(int(value), 10_000)
        return dt.date(year, *divmod(rest, 100))
    return dt.datetime.fromtimestamp(value, dt.UTC).date()


def _offset(operation: str, day: dt.date, today: dt.date) -> int:
    if operation == "in_month_range":
        return (day.year - today.year) * 12 + day.month - today.month
    if operation == "in_week_range":
        return (_monday(day) - _monday(today)).days // 7
    return (day - today).days


def _monday(day: dt.date) -> dt.date:
    return day - dt.timedelta(days=day.weekday())
