"""Define the errors of analytics.

AnalyticsError
├── InputError          an array or frame that cannot be right: names the instrument and the rule it breaks
├── ShortHistoryError   fewer sessions than a statistic needs
└── InfeasibleError     constraints that no portfolio satisfies: names them and the remedies
"""

from __future__ import annotations


class AnalyticsError(Exception):
    """Root of every error that analytics raises."""


class InputError(AnalyticsError, ValueError):
    """Input that cannot be right; the message names the instrument, the rule and the remedy."""


class ShortHistoryError(AnalyticsError, ValueError):
    """Fewer sessions than the statistic needs; the message gives both counts."""


class InfeasibleError(AnalyticsError):
    """No portfolio satisfies the constraints; the message gives the numbers and the remedies.

    See docs/method/08-allocation.md#8.3.
    """
