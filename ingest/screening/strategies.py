"""What a strategy asks of an instrument: the rules of docs/method/05-discovery-selection.md#5.1 as data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Rule:
    """One comparison of a scanner column with a threshold, as a long asks it.

    `mirror` says what a short asks instead: `same` (strength has no side), `negate` (the comparison turned, the value
    with the other sign) or `complement` (the comparison turned, 100 minus the value: oscillators from 0 to 100).
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
    # Trend on the weekly columns, confirmed on the daily ones, entered while the week goes the same way. The weekly columns
    # are those that closes alone can tell, so that weekly bars of any source have them.
    "multi_timeframe": (
        Rule("rsi|1W", ">=", "rsi_weekly_min", 50.0, "complement"),
        Rule("momentum10|1W", ">", "momentum_weekly_min", 0.0, "negate"),
        Rule("adx", ">=", "adx_min", 15.0, "same"),
        Rule("recommend_all", ">=", "recommend_all_min", 0.1, "negate"),
        _WEEK_UP,
    ),
    # Trend by performance alone, for series that have closes only and so neither ADX nor Recommend.All.
    "price_momentum": (_WEEK_UP, _MONTH_UP, _QUARTER_UP),
}

# What a scanner's name says of its strategy.
NAMED: dict[str, str] = {
    "trend": "trend_momentum",
    "reversion": "mean_reversion",
    "price_momentum": "price_momentum",
    "multi_timeframe": "multi_timeframe",
}

DAILY: Final = "1d"
_TURNED = {">": "<", ">=": "<=", "<": ">"}


def mirrored(rule: Rule, value: float, direction: str) -> tuple[str, float]:
    """Return the comparison and the value of a rule for `LONG` or `SHORT`."""
    if direction == "LONG" or rule.mirror == "same":
        return rule.comparison, value
    return _TURNED[rule.comparison], -value if rule.mirror == "negate" else 100.0 - value


def at_interval(rules: Iterable[Rule], interval: str) -> tuple[Rule, ...]:
    """Return the rules on bars of another interval: `rsi` becomes `rsi|1W`.

    A performance is a span of time, not a number of bars, and stays; so does a column that names its timeframe itself.
    """
    if interval == DAILY:
        return tuple(rules)
    return tuple(
        rule
        if "|" in rule.column or rule.column.startswith("perf_")
        else replace(rule, column=f"{rule.column}|{interval}")
        for rule in rules
    )
