"""How far a figure could have come out otherwise: the stationary bootstrap.

See docs/method/09-tournament.md#9.5.

Politis and Romano (1994): blocks of geometric length, wrapped around the end, keep the serial dependence of a series
and make every sample stationary. All series of one comparison are drawn with the same indices, so they stay paired.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from analytics._typing import FloatMatrix, FloatVector, IntVector
from analytics.errors import InputError, ShortHistoryError

MIN_SESSIONS = 20


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its confidence interval."""

    estimate: float
    lower: float
    upper: float
    level: float
    mean_block: float
    n_samples: int


def stationary_indices(n_sessions: int, *, mean_block: float, n_samples: int, rng: Generator) -> IntVector:
    """Resampled session indices of the stationary bootstrap.

    Parameters
    ----------
    mean_block : float
        Mean block length in sessions, at least 1; 1 is the plain bootstrap.

    Returns
    -------
    (n_samples, n_sessions)
        Indices into the series.
    """
    if n_sessions < 1 or n_samples < 1 or not mean_block >= 1.0:
        raise InputError(f"{n_sessions} sessions, {n_samples} samples, mean block {mean_block}: all must be at least 1")
    begins = rng.random((n_samples, n_sessions)) < 1.0 / mean_block
    begins[:, 0] = True
    starts = rng.integers(n_sessions, size=(n_samples, n_sessions))
    positions = np.arange(n_sessions)
    last_begin = np.maximum.accumulate(np.where(begins, positions, 0), axis=1)
    indices = np.take_along_axis(starts, last_begin, axis=1) + (positions - last_begin)
    return np.asarray(indices % n_sessions, dtype=np.int64)


def stationary_weights(n_sessions: int, *, mean_block: float, n_samples: int, rng: Generator) -> FloatMatrix:
    """Share of each session in each sample: `weights @ series` are the samples' means.

    Returns
    -------
    (n_samples, n_sessions)
        Rows add up to 1.
    """
    indices = stationary_indices(n_sessions, mean_block=mean_block, n_samples=n_samples, rng=rng)
    offsets = np.arange(n_samples)[:, None] * n_sessions
    counts = np.bincount((indices + offsets).ravel(), minlength=n_samples * n_sessions)
    return np.asarray(counts.reshape(n_samples, n_sessions) / n_sessions, dtype=np.float64)


def optimal_block(series: FloatVector) -> float:
    """Mean block length that serves the variance of the mean best (Politis, White 2004; Patton et al. 2009).

    Raises
    ------
    ShortHistoryError
        Fewer than 20 values.
    """
    n = series.size
    if n < MIN_SESSIONS:
        raise ShortHistoryError(f"a block length needs {MIN_SESSIONS} sessions, the series has {n}")
    centred = series - series.mean()
    if series.min() == series.max():
        return 1.0
    band = max(5, int(np.ceil(np.sqrt(np.log10(n)))))
    max_lag = min(int(np.ceil(np.sqrt(n))) + band, n - 1)
    autocovariance = np.array([centred[: n - lag] @ centred[lag:] / n for lag in range(max_lag + 1)])
    is_large = np.abs(autocovariance[1:] / autocovariance[0]) > 2.0 * np.sqrt(np.log10(n) / n)
    quiet = [lag for lag in range(max_lag - band + 1) if not is_large[lag : lag + band].any()]
    last_large = quiet[0] if quiet else int(np.flatnonzero(is_large)[-1]) + 1
    width = min(2 * max(last_large, 1), max_lag)
    lags = np.arange(1, width + 1)
    taper = np.clip(2.0 * (1.0 - lags / width), 0.0, 1.0)
    slope = 2.0 * float((taper * lags * autocovariance[1 : width + 1]).sum())
    density = autocovariance[0] + 2.0 * float((taper * autocovariance[1 : width + 1]).sum())
    if not density > 0.0:
        return 1.0
    longest = float(np.ceil(min(3.0 * np.sqrt(n), n / 3.0)))
    return float(np.clip(((slope / density) ** 2 * n) ** (1.0 / 3.0), 1.0, longest))


def common_block(returns: FloatMatrix) -> float:
    """One block length for P paired series: the longest of their own, so that none loses its dependence."""
    return max(optimal_block(returns[:, column]) for column in range(returns.shape[1]))


def bootstrap_interval(
    series: FloatVector,
    statistic: Callable[[FloatMatrix], FloatVector],
    *,
    rng: Generator,
    level: float = 0.95,
    n_samples: int = 2000,
    mean_block: float | None = None,
) -> Interval:
    """Percentile interval of any figure of one series.

    Parameters
    ----------
    statistic : (T, B) -> (B,)
        The figure of each column; undefined samples (NaN) are refused, not dropped.
    mean_block : float
        Sessions; `optimal_block` of the series when not given.

    Raises
    ------
    InputError
        The figure is undefined on a sample.
    """
    block = optimal_block(series) if mean_block is None else mean_block
    indices = stationary_indices(series.size, mean_block=block, n_samples=n_samples, rng=rng)
    figures = statistic(series[indices].T)
    if not np.isfinite(figures).all():
        raise InputError(f"the figure is undefined on {int((~np.isfinite(figures)).sum())} of {n_samples} samples")
    lower, upper = np.quantile(figures, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    estimate = float(statistic(series[:, None])[0])
    return Interval(estimate, float(lower), float(upper), level, block, n_samples)
