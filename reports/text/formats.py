"""Format values for reports, and describe the columns of printed tables."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

MISSING = "\N{EN DASH}"
ASSET_CLASSES = ("equity", "etf", "bond", "crypto", "fx", "future", "cfd", "index", "cash")
"""Order in which asset classes are stacked and listed."""

_SPELLINGS = {
    "cagr": "CAGR",
    "cvar": "CVaR",
    "cvar95": "CVaR 95",
    "etf": "ETF",
    "cfd": "CFD",
    "fx": "FX",
    "herc": "HERC",
    "hhi": "HHI",
    "hrp": "HRP",
    "nco": "NCO",
    "sharpe": "Sharpe",
    "var95": "VaR 95",
}

Formatter = Callable[[Any], str]
Kind = Literal["text", "code", "number", "date", "status", "direction", "level"]


def _real(value: Any, pattern: str, suffix: str = "") -> str:
    if value is None:
        return MISSING
    number = float(value)
    if not math.isfinite(number):
        return str(number)
    text = format(number, pattern)
    # Rounding may leave a sign before zeros.
    return text.lstrip("+-") + suffix if float(text.replace(",", "")) == 0 else text + suffix


def percent(value: float | None) -> str:
    """Format a fraction as a percentage with two decimals: 0.1234 is `12.34 %`."""
    return _real(None if value is None else value * 100, ",.2f", " %")


def signed_percent(value: float | None) -> str:
    """Format a fraction as a percentage with its sign; zero has none."""
    return _real(None if value is None else value * 100, "+,.2f", " %")


def ratio(value: float | None) -> str:
    """Format a ratio with two decimals (Sharpe, beta, correlation)."""
    return _real(value, ",.2f")


def score(value: float | None) -> str:
    """Format a score or rank in [0, 1] with three decimals."""
    return _real(value, ".3f")


def scientific(value: float | None) -> str:
    """Format a residual or gap with two significant digits and an exponent."""
    return _real(value, ".1e")


def general(value: float | None) -> str:
    """Format a value with up to ten significant digits, so that 0.25 and 0.250000001 differ."""
    return _real(value, ".10g")


def money(value: float | None) -> str:
    """Format an amount with thousands separators and two decimals."""
    return _real(value, ",.2f")


def quantity(value: float | None) -> str:
    """Format a number of units with up to six decimals, without trailing zeros."""
    return MISSING if value is None else _real(value, ",.6f").rstrip("0").rstrip(".")


def seconds(value: float | None) -> str:
    """Format a duration in seconds with three decimals."""
    return _real(value, ".3f", " s")


def whole(value: int | None) -> str:
    """Format a count with thousands separators."""
    return MISSING if value is None else format(int(value), ",d")


def plain(value: object) -> str:
    """Return a text unchanged; an empty text counts as missing."""
    return MISSING if value is None or value == "" else str(value)


def word(value: str | None) -> str:
    """Format an identifier as words: `min_cvar` is `min CVaR`."""
    return " ".join(_SPELLINGS.get(part, part) for part in plain(value).split("_"))


def cluster_label(value: str | None) -> str:
    """Spell the asset classes of a cluster's label as everywhere else: `etf Utilities` is `ETF Utilities`."""
    return " ".join(_SPELLINGS.get(part, part) for part in plain(value).split(" "))


def heading(value: str | None) -> str:
    """Format an identifier as words with a capital first letter."""
    words = word(value)
    return words[:1].upper() + words[1:]


def day(value: dt.date | None) -> str:
    """Format a session date by ISO 8601."""
    return MISSING if value is None else value.isoformat()


def moment(value: dt.datetime | None) -> str:
    """Format a UTC timestamp to the second."""
    return MISSING if value is None else value.strftime("%Y-%m-%d %H:%M:%S UTC")


def yes_no(value: bool | None) -> str:
    """Format a flag as `yes` or `no`."""
    return MISSING if value is None else "yes" if value else "no"


def outcome(value: bool | None) -> str:
    """Format the outcome of a check as `pass` or `FAIL`."""
    return MISSING if value is None else "pass" if value else "FAIL"


def side(value: int | None) -> str:
    """Format a direction, +1 or -1, as `long` or `short`."""
    return MISSING if value is None else "long" if value > 0 else "short"


def digest(value: str | None) -> str:
    """Return the first twelve digits of a hash; the ledger holds all of them."""
    return MISSING if not value else value[:12]


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a printed table.

    Parameters
    ----------
    name : str
        Column of the `rpt_*` table.
    heading : str
        Heading of the column.
    write : Formatter
        Function that formats a value.
    kind : Kind
        Typography of the cells: numbers and dates use tabular digits, a status is coloured.
    """

    name: str
    heading: str
    write: Formatter = plain
    kind: Kind = "text"

    @property
    def is_right_aligned(self) -> bool:
        """True for numbers."""
        return self.kind == "number"


def text(name: str, title: str, write: Formatter = plain) -> Field:
    """Describe a column of text."""
    return Field(name, title, write)


def code(name: str, title: str, write: Formatter = plain) -> Field:
    """Describe a column of identifiers, printed in a monospaced font."""
    return Field(name, title, write, "code")


def number(name: str, title: str, write: Formatter = ratio) -> Field:
    """Describe a column of numbers."""
    return Field(name, title, write, "number")


def date(name: str, title: str) -> Field:
    """Describe a column of session dates."""
    return Field(name, title, day, "date")


def status(name: str, title: str, write: Formatter = plain) -> Field:
    """Describe a column of statuses, printed in colour."""
    return Field(name, title, write, "status")
