"""Define the rules of each scanner strategy as data.

See docs/method/05-discovery-selection.md#5.1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Rule:
    """Comparison of a scanner column with a threshold, for a long.

    Attributes
    ----------
    column : str
        Scanner column that is compared.
    comparison : str
        Operator between the column and the threshold.
    threshold : str
        Name under which a scanner sets the threshold.
    default : float
        Threshold where the scanner sets none, in the unit of the column.
    mirror : str
        Rule of a short: `same` (strength has no direction), `negate` (the comparison reversed, the threshold with the
        other sign) or `complement` (the comparison reversed, 100 minus the threshold, for oscillators from 0 to 100).
    """

    column: str
    comparison: Literal[">", ">=", "<"]
    threshold: str
    default: float
    mirror: Literal["same", "negate", "complement"]


_WEEK_UP = Rule("perf_w", ">", "perf_w_min_pct", 0.0, "negate")
_MONTH_UP = Rule("perf_1m", ">", "perf_1m_min_pct", 0.5, "negate")
_QUARTER_UP = Rule("perf_3m", ">", "perf_3m_min_pct", 1.0, "negate")

STRATEGIES: dict[str, tuple[Rule, ...]] = {
    "trend_momentum": (
        Rule("adx", ">=", "adx_min", 15.0, "same"),
        Rule("recommend_all", ">=", "recommend_all_min", 0.1, "negate"),
        _WEEK_UP,
        _MONTH_UP,
        _QUARTER_UP,
    ),
    "mean_reversion": (
        Rule("rsi", "<", "rsi_max", 40.0, "complement"),
        Rule("stoch_k", "<", "stoch_k_max", 30.0, "complement"),
        Rule("perf_w", "<", "perf_w_max_pct", -5.0, "negate"),
        Rule("perf_3m", ">", "perf_3m_min_pct", 0.0, "negate"),
    ),
    # A trend on weekly columns, confirmed on daily ones, entered while the week goes the same way. The weekly columns
    # need closes only, so that they exist for every source.
    "multi_timeframe": (
        Rule("rsi|1W", ">=", "rsi_weekly_min", 50.0, "complement"),
        Rule("momentum10|1W", ">", "momentum_weekly_min", 0.0, "negate"),
        Rule("adx", ">=", "adx_min", 15.0, "same"),
        Rule("recommend_all", ">=", "recommend_all_min", 0.1, "negate"),
        _WEEK_UP,
    ),
    # A trend by performance alone, for series of closes, which have neither ADX nor Recommend.All.
    "price_momentum": (_WEEK_UP, _MONTH_UP, _QUARTER_UP),
}

NAMED: dict[str, str] = {
    "trend": "trend_momentum",
    "reversion": "mean_reversion",
    "price_momentum": "price_momentum",
    "multi_timeframe": "multi_timeframe",
}
"""Strategy by the word for it in the names of scanners and presets."""

TITLES: dict[str, str] = {
    "trend_momentum": "trend momentum",
    "mean_reversion": "mean reversion",
    "price_momentum": "price momentum",
    "multi_timeframe": "weekly trend confirmed daily",
}
"""Words for each strategy in the title of a scanner."""

DAILY: Final = "1d"
_REVERSED = {">": "<", ">=": "<=", "<": ">"}


def mirrored(rule: Rule, value: float, direction: str) -> tuple[str, float]:
    """Return the comparison and the threshold of a rule for `LONG` or `SHORT`, from the threshold `value` of a long."""
    if direction == "LONG" or rule.mirror == "same":
        return rule.comparison, value
    return _REVERSED[rule.comparison], -value if rule.mirror == "negate" else 100.0 - value


def at_interval(rules: Iterable[Rule], interval: str) -> tuple[Rule, ...]:
    """Return the rules on bars of another interval, where `rsi` becomes `rsi|1W`.

    A performance covers a span of time, not a number of bars, and stays; so does a column with a timeframe of its own.
    """
    if interval == DAILY:
        return tuple(rules)
    return tuple(
        rule
        if "|" in rule.column or rule.column.startswith("perf_")
        else replace(rule, column=f"{rule.column}|{interval}")
        for rule in rules
    )
