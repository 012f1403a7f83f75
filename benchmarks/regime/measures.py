"""Measure how well a rule sees volatility ahead, and its value as a rule of exposure.

See docs/method/07-regime.md#7.4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.stats import rankdata

from analytics._typing import BoolVector, FloatVector, IntVector
from analytics.regime.detection import RegimeHistory, detect_regime
from analytics.settings import REGIMES, Flags, RegimeSettings, TournamentSettings
from benchmarks.regime.streams import MarketSeries

AHEAD_SESSIONS = 21
SHORT_HISTORY = 500
SHORT_HISTORY_STEP = 10
EXPOSURES = (1.0, 1.0, 0.75, 0.5)
"""Exposure that the comparison gives to QUIET, NORMAL, TURBULENT and CRISIS."""
TURBULENT = REGIMES.index("TURBULENT")


def detect(series: MarketSeries, settings: RegimeSettings, flags: Flags) -> RegimeHistory:
    """Detect the regime of every session of a series."""
    return detect_regime(series.returns, kind=series.kind, settings=settings, flags=flags)


def states_of(history: RegimeHistory) -> IntVector:
    """Positions (T,) of the states in `REGIMES`; -1 where there is none."""
    return np.array([-1 if regime is None else REGIMES.index(regime) for regime in history.regimes], dtype=np.int64)


def volatility_ahead(returns: FloatVector, ahead: int = AHEAD_SESSIONS) -> FloatVector:
    """Standard deviation (T,) of the returns of the next sessions; NaN where they are not all known."""
    out = np.full(returns.shape, np.nan)
    out[:-ahead] = sliding_window_view(returns, ahead)[1:].std(axis=1, ddof=1)
    return out


def roc_auc(values: FloatVector, is_positive: BoolVector) -> float:
    """Probability that a positive ranks above a negative; 0.5 is no information."""
    n_positive = int(is_positive.sum())
    above = rankdata(values)[is_positive].sum() - n_positive * (n_positive + 1) / 2
    return float(above / (n_positive * (values.size - n_positive)))


def auc_ahead(values: FloatVector, returns: FloatVector, inside: BoolVector) -> float:
    """AUC of a value for the most volatile fifth of the spans that follow the sessions of a mask (T,)."""
    ahead = volatility_ahead(returns)
    usable = inside & np.isfinite(values) & np.isfinite(ahead)
    return roc_auc(values[usable], ahead[usable] > np.quantile(ahead[usable], 0.8))


def explained_variance(states: IntVector, returns: FloatVector) -> float:
    """Share of the variance of the next sessions' log volatility that the means of the states explain."""
    ahead = volatility_ahead(returns)
    usable = (states >= 0) & (ahead > 0.0)
    logs, labels = np.log(ahead[usable]), states[usable]
    means = np.array(
        [logs[labels == state].mean() if (labels == state).any() else 0.0 for state in range(len(REGIMES))]
    )
    return float(1.0 - ((logs - means[labels]) ** 2).sum() / ((logs - logs.mean()) ** 2).sum())


def equal_alarms(series: MarketSeries, settings: RegimeSettings, flags: Flags) -> float:
    """Share of sessions that are an alarm alike with the last 500 sessions and with the whole history."""
    whole = states_of(detect(series, settings, flags)) >= TURBULENT
    same = []
    for stop in range(SHORT_HISTORY, series.returns.size + 1, SHORT_HISTORY_STEP):
        past = series.returns[stop - SHORT_HISTORY : stop]
        history = detect_regime(past, kind=series.kind, settings=settings, flags=flags)
        same.append((REGIMES.index(history.regime) >= TURBULENT) == whole[stop - 1])
    return float(np.mean(same))


@dataclass(frozen=True, slots=True)
class ExposureResult:
    """Result of holding a market at a varying exposure, the rest in cash without interest.

    Attributes
    ----------
    sharpe : float
        Annual, of net returns over a rate of 0.
    volatility : float
        Annual, as a fraction.
    max_drawdown : float
        Fraction of the highest value so far.
    turnover : float
        Change of exposure a year, one way.
    cost : float
        Trading costs a year, as a fraction.
    """

    sharpe: float
    volatility: float
    max_drawdown: float
    turnover: float
    cost: float


def exposure_result(exposures: FloatVector, returns: FloatVector, sessions_per_year: int) -> ExposureResult:
    """Hold the exposure (T,) known at each close over the next session and pay for its changes."""
    held = exposures[:-1]
    changes = np.abs(np.diff(held, prepend=held[0]))
    rate = TournamentSettings().trade_rate
    net = held * returns[1:] - changes * rate
    wealth = np.concatenate([[1.0], np.cumprod(1.0 + net)])
    years = net.size / sessions_per_year
    deviation = float(net.std(ddof=1))
    return ExposureResult(
        float(net.mean()) / deviation * sessions_per_year**0.5,
        deviation * sessions_per_year**0.5,
        float((1.0 - wealth / np.maximum.accumulate(wealth)).max()),
        float(changes.sum()) / years,
        float(changes.sum()) * rate / years,
    )
