"""How values become words: one place for every digit, sign and dash that a person sees."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

ABSENT = "\N{EN DASH}"

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
        return ABSENT
    number = float(value)
    if not math.isfinite(number):
        return str(number)
    written = format(number, pattern)
    # Rounding may leave a sign before nothing but zeros.
    return written.lstrip("+-") + suffix if float(written.replace(",", "")) == 0 else written + suffix


def percent(value: float | None) -> str:
    """Fraction as a percentage with two decimals: 0.1234 is `12.34 %`."""
    return _real(None if value is None else value * 100, ",.2f", " %")


def signed_percent(value: float | None) -> str:
    """Fraction as a percentage that always carries its sign; zero has none."""
    return _real(None if value is None else value * 100, "+,.2f", " %")


def ratio(value: float | None) -> str:
    """Plain ratio with two decimals (Sharpe, beta, correlation)."""
    return _real(value, ",.2f")


def score(value: float | None) -> str:
    """Score or rank in [0, 1] with three decimals."""
    return _real(value, ".3f")


def scientific(value: float | None) -> str:
    """Residual or gap: two significant digits and the exponent."""
    return _real(value, ".1e")


def general(value: float | None) -> str:
    """Value beside its limit: up to ten significant digits, so that 0.25 and 0.250000001 differ."""
    return _real(value, ".10g")


def money(value: float | None) -> str:
    """Amount with thousands separators and two decimals."""
    return _real(value, ",.2f")


def quantity(value: float | None) -> str:
    """Units to trade: up to six decimals, none where they are zero."""
    return ABSENT if value is None else _real(value, ",.6f").rstrip("0").rstrip(".")


def seconds(value: float | None) -> str:
    """Duration with three decimals."""
    return _real(value, ".3f", " s")


def whole(value: int | None) -> str:
    """Count with thousands separators."""
    return ABSENT if value is None else format(int(value), ",d")


def plain(value: object) -> str:
    """Text as it is; an empty text is absent."""
    return ABSENT if value is None or value == "" else str(value)


def word(value: str | None) -> str:
    """Machine word for a reader: `min_cvar` is `min CVaR`."""
    return " ".join(_SPELLINGS.get(part, part) for part in plain(value).split("_"))


def heading(value: str | None) -> str:
    """`word` with a capital first letter."""
    written = word(value)
    return written[:1].upper() + written[1:]


def day(value: dt.date | None) -> str:
    """Session date, ISO 8601."""
    return ABSENT if value is None else value.isoformat()


def moment(value: dt.datetime | None) -> str:
    """Instant in UTC to the second."""
    return ABSENT if value is None else value.strftime("%Y-%m-%d %H:%M:%S UTC")


def yes_no(value: bool | None) -> str:
    """Flag as a word."""
    return ABSENT if value is None else "yes" if value else "no"


def verdict(value: bool | None) -> str:
    """Outcome of a check."""
    return ABSENT if value is None else "pass" if value else "FAIL"


def side(value: int | None) -> str:
    """Direction +1 or -1 as a word."""
    return ABSENT if value is None else "long" if value > 0 else "short"


def digest(value: str | None) -> str:
    """First twelve digits of a hash; the whole of it stands in the ledger."""
    return ABSENT if not value else value[:12]


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a printed table.

    Parameters
    ----------
    name : str
        Column of the `rpt_*` table.
    head : str
        What stands above it.
    write : Formatter
        Value to text.
    kind : Kind
        How a cell is set: numbers and dates align on tabular digits, a status is coloured.
    """

    name: str
    head: str
    write: Formatter = plain
    kind: Kind = "text"

    @property
    def is_right_aligned(self) -> bool:
        """Numbers align on their last digit."""
        return self.kind == "number"


def text(name: str, head: str, write: Formatter = plain) -> Field:
    """Column of words."""
    return Field(name, head, write)


def code(name: str, head: str, write: Formatter = plain) -> Field:
    """Column of identifiers, set in a fixed pitch."""
    return Field(name, head, write, "code")


def number(name: str, head: str, write: Formatter = ratio) -> Field:
    """Column of numbers."""
    return Field(name, head, write, "number")


def date(name: str, head: str) -> Field:
    """Column of session dates."""
    return Field(name, head, day, "date")


def status(name: str, head: str, write: Formatter = plain) -> Field:
    """Column of states that carry a colour."""
    return Field(name, head, write, "status")
