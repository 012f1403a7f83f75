"""What the study refuses, and why.

AnalyticsError
├── InputError          an array or frame that cannot be right: names the instrument and the rule it breaks
├── ShortHistoryError   fewer sessions than a statistic needs
└── InfeasibleError     constraints that no portfolio satisfies: names them and the ways out
"""

from __future__ import annotations


class AnalyticsError(Exception):
    """Root of every error the study raises."""


class InputError(AnalyticsError, ValueError):
    """An input that cannot be right; the message names the instrument, the rule and the remedy."""


class ShortHistoryError(AnalyticsError, ValueError):
    """Fewer sessions than the statistic needs; the message gives both counts."""


class InfeasibleError(AnalyticsError):
    """No portfolio satisfies the constraints; the message gives the numbers and the ways out.

    See docs/method/08-allocation.md#8.3.
    """
