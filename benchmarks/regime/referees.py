"""Simpler rules that a regime must be compared with, each known at the close."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.stats import rankdata

from analytics._typing import FloatVector

PERCENTILE_SESSIONS = 21
MOVING_AVERAGE_SESSIONS = 200
MIN_VALUES = 250
ALARM_PERCENTILE = 0.8
ALARM_EXPOSURE = 0.5
"""Exposure of a rule with two states in its alarm, as that of CRISIS."""


def realised_volatility_percentile(returns: FloatVector) -> FloatVector:
    """Percentile (T,) of the volatility of 21 sessions in its own past; NaN before 250 values."""
    out = np.full(returns.shape, np.nan)
    volatility = sliding_window_view(returns, PERCENTILE_SESSIONS).std(axis=1, ddof=1)
    for last in range(MIN_VALUES - 1, volatility.size):
        out[last + PERCENTILE_SESSIONS - 1] = (rankdata(volatility[: last + 1])[-1] - 0.5) / (last + 1)
    return out


def distance_below_average(returns: FloatVector) -> FloatVector:
    """Average of the last 200 closes over the close, less 1 (T,): positive below it; NaN before 200 closes."""
    closes = np.cumprod(1.0 + returns)
    out = np.full(returns.shape, np.nan)
    averages = sliding_window_view(closes, MOVING_AVERAGE_SESSIONS).mean(axis=1)
    out[MOVING_AVERAGE_SESSIONS - 1 :] = averages / closes[MOVING_AVERAGE_SESSIONS - 1 :] - 1.0
    return out


def referee_values(returns: FloatVector) -> Mapping[str, tuple[FloatVector, float]]:
    """Values (T,) of each referee, and the value from which it is an alarm."""
    return {
        "percentile of realised volatility": (realised_volatility_percentile(returns), ALARM_PERCENTILE),
        "below the 200-session average": (distance_below_average(returns), 0.0),
    }
