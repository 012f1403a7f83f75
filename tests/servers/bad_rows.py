"""Apply row faults: faulty bars of every source, and faulty rows of the scanner."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.servers.faults import Fault, Faults
from tests.servers.market_data import Bar
from tests.servers.raw_http import INFINITE

DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Rows:
    """Bars of one response, and whether its pages never end."""

    bars: list[Bar]
    is_endless: bool = False


def bars_with_faults(faults: Faults, service: str, symbol: str, bars: Sequence[Bar], now: float) -> Rows:
    """Return the bars of one response after every row fault that is on for the symbol."""
    kept, endless = list(bars), False
    for fault in faults.take_rows(service, {symbol}, pages=False) if kept else ():
        kept = _apply(fault, kept, now)
    for fault in faults.take_rows(service, {symbol}, pages=True):
        if fault.case == "unsorted":
            kept.reverse()
        elif fault.case == "total_without_rows":
            kept = []
        else:
            endless = True
    return Rows(kept, endless)


def _apply(fault: Fault, bars: list[Bar], now: float) -> list[Bar]:
    at = int(fault.number("at", len(bars) // 2))
    bar = bars[at]
    index = at % len(bars)
    if fault.case in _BAR:
        return [*bars[:index], _BAR[fault.case](bar), *bars[index + 1 :]]
    if fault.case == "duplicate_equal":
        return [*bars[:index], bar, *bars[index:]]
    if fault.case == "duplicate_different":
        other = replace(bar, close=bar.close * 1.01, high=_raised(bar.high, bar.close * 1.01))
        return [*bars[: index + 1], other, *bars[index + 1 :]]
    if fault.case == "future":
        return [*bars, replace(bars[-1], opened=_midnight_like(bars[-1], now + 30 * DAY_SECONDS))]
    return bars[:index] + bars[index + 1 :]  # gap


def _midnight_like(bar: Bar, seconds: float) -> float:
    # On a later day, at the hour at which this instrument's session opens.
    return seconds - seconds % DAY_SECONDS + bar.opened % DAY_SECONDS


def _raised(high: float | None, close: float) -> float | None:
    return None if high is None else max(high, close)


def _scaled(bar: Bar, factor: float) -> Bar:
    prices: dict[str, Any] = {name: getattr(bar, name) for name in ("open", "high", "low", "close", "adj_close")}
    scaled: dict[str, Any] = {name: None if value is None else value * factor for name, value in prices.items()}
    return replace(bar, **scaled)


def _crossed(bar: Bar) -> Bar:
    if bar.high is None or bar.low is None or bar.high == bar.low:
        return replace(bar, high=bar.close * 0.98, low=bar.close * 1.02)
    return replace(bar, high=bar.low, low=bar.high)


_BAR: dict[str, Callable[[Bar], Bar]] = {
    "wrong_types": lambda bar: replace(bar, close="twelve", volume={"value": 1}),
    "nan": lambda bar: replace(bar, close=math.nan, high=math.nan),
    "infinite": lambda bar: replace(bar, close=INFINITE, high=INFINITE),
    "null_values": lambda bar: replace(bar, open=None, high=None, low=None, close=None, volume=None, adj_close=None),
    "epoch_zero": lambda bar: replace(bar, opened=0.0),
    "milliseconds": lambda bar: replace(bar, opened=bar.opened * 1000),
    "negative": lambda bar: _scaled(bar, -1.0),
    "zero": lambda bar: _scaled(bar, 0.0),
    "high_below_low": _crossed,
    "tenfold_jump": lambda bar: _scaled(bar, 10.0),
}


Cells = list[Any]


def row_with_fault(fault: Fault, names: Sequence[str], cells: Cells) -> list[Cells]:
    """Return the scanner row after a fault; two rows where the fault duplicates it."""
    if fault.case == "duplicate_equal":
        return [cells, cells]
    if fault.case == "duplicate_different":
        return [cells, [cell * 1.01 if _is_number(cell) else cell for cell in cells]]
    if fault.case == "high_below_low":
        return [_swapped(names, cells)]
    target = _target(names, cells)
    change = _CELL.get(fault.case)
    if target is None or change is None:
        return [cells]
    return [[change(cell) if index == target else cell for index, cell in enumerate(cells)]]


def _target(names: Sequence[str], cells: Cells) -> int | None:
    # The close is what every reader uses; without it the first number of the row.
    numbers = [index for index, cell in enumerate(cells) if _is_number(cell)]
    return next((index for index in numbers if names[index] == "close"), numbers[0] if numbers else None)


def _swapped(names: Sequence[str], cells: Cells) -> Cells:
    where = {name: index for index, name in enumerate(names)}
    swapped = list(cells)
    if {"high", "low"} <= where.keys():
        swapped[where["high"]], swapped[where["low"]] = cells[where["low"]], cells[where["high"]]
    return swapped


def _is_number(cell: object) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool)


_CELL: dict[str, Callable[[Any], Any]] = {
    "wrong_types": lambda _cell: {"value": "twelve"},
    "nan": lambda _cell: math.nan,
    "infinite": lambda _cell: INFINITE,
    "null_values": lambda _cell: None,
    "negative": lambda cell: -abs(cell),
    "zero": lambda _cell: 0,
    "tenfold_jump": lambda cell: cell * 10,
}
