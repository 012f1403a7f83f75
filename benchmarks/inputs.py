"""Simulate seeded markets for both sides of a comparison, with the moments that the checks use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from analytics._typing import FloatMatrix, FloatVector

PERIODS_PER_YEAR = 252
CAP = 0.05
N_FACTORS = 8
N_CLUSTERS = 10
TRAIN_SESSIONS = 252
STEP_SESSIONS = 21


def plain_ledoit_wolf(returns: FloatMatrix) -> FloatMatrix:
    """Estimator of Ledoit and Wolf (2004) towards a multiple of the identity, as the paper states it.

    Written out session by session, so that it shares no step with the estimators that are compared.
    """
    deviations = returns - returns.mean(axis=0)
    n_sessions, n_instruments = returns.shape
    sample = deviations.T @ deviations / n_sessions
    level = np.trace(sample) / n_instruments
    target = level * np.eye(n_instruments)
    distance = ((sample - target) ** 2).sum()
    error = sum(((np.outer(row, row) - sample) ** 2).sum() for row in deviations) / n_sessions**2
    share = min(error, distance) / distance
    return np.asarray(share * target + (1.0 - share) * sample)


@dataclass(frozen=True, eq=False)
class Market:
    """Returns of N instruments over T sessions, as array and as frame.

    Attributes
    ----------
    returns : (T, N)
    frame : pandas.DataFrame
        The same with dates and names, as the peers need it.
    """

    returns: FloatMatrix
    frame: pd.DataFrame

    @property
    def n_instruments(self) -> int:
        return int(self.returns.shape[1])

    @property
    def cap(self) -> float:
        """Largest weight: 5 %, or twice the equal weight of a market too small for that."""
        return max(CAP, 2.0 / self.n_instruments)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Columns of the frame; read once, because reading them from pandas is no part of our task."""
        return tuple(map(str, self.frame.columns))

    @cached_property
    def covariance(self) -> FloatMatrix:
        """(N, N) annualised."""
        return plain_ledoit_wolf(self.returns) * PERIODS_PER_YEAR

    @cached_property
    def mean(self) -> FloatVector:
        """(N,) annualised."""
        return np.asarray(self.returns.mean(axis=0) * PERIODS_PER_YEAR)

    @cached_property
    def trains(self) -> tuple[Market, ...]:
        """Train windows of a walk-forward study."""
        last = self.returns.shape[0] - STEP_SESSIONS
        starts = range(0, last - TRAIN_SESSIONS + 1, STEP_SESSIONS)
        return tuple(self.window(start, start + TRAIN_SESSIONS) for start in starts)

    @cached_property
    def daily_trains(self) -> tuple[Market, ...]:
        """Train windows of a study that decides on each of the last sessions but one; the very last one only earns."""
        last = self.returns.shape[0] - 1
        stops = range(last - STEP_SESSIONS, last)
        return tuple(self.window(stop - TRAIN_SESSIONS, stop) for stop in stops)

    def window(self, start: int, stop: int) -> Market:
        """Return the sessions from `start` up to `stop`."""
        return Market(np.ascontiguousarray(self.returns[start:stop]), self.frame.iloc[start:stop])


def at_each_train(decide: Callable[[Market], FloatVector]) -> Callable[[Market], FloatMatrix]:
    """Make the task of a walk-forward study: the decision at each train window (R, N)."""
    return lambda market: np.array([decide(train) for train in market.trains])


def simulate(n_instruments: int, n_sessions: int, seed: int = 2025) -> Market:
    """Simulate a factor model with sectors: one market factor, sector factors, idiosyncratic noise and small drifts."""
    rng = np.random.default_rng([seed, n_instruments, n_sessions])
    factors = rng.standard_t(5, size=(n_sessions, N_FACTORS)) * 0.006
    loadings = np.zeros((N_FACTORS, n_instruments))
    loadings[0] = rng.uniform(0.4, 1.5, n_instruments)
    loadings[rng.integers(1, N_FACTORS, n_instruments), np.arange(n_instruments)] = rng.uniform(0.5, 1.5, n_instruments)
    noise = rng.normal(size=(n_sessions, n_instruments)) * rng.uniform(0.004, 0.025, n_instruments)
    returns = factors @ loadings + noise + rng.normal(0.0004, 0.0004, n_instruments)
    names = [f"SIM{column:04d}" for column in range(n_instruments)]
    dates = pd.date_range("2020-01-01", periods=n_sessions, name="date")
    return Market(returns, pd.DataFrame(returns, index=dates, columns=names))
