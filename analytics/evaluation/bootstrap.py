"""Resample return series by the stationary bootstrap and compute confidence intervals.

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
    """Figure with its confidence interval.

    Attributes
    ----------
    estimate, lower, upper : float
    level : float
        Confidence, a fraction.
    mean_block : float
        Mean block length of the bootstrap, in sessions.
    n_samples : int
    """

    estimate: float
    lower: float
    upper: float
    level: float
    mean_block: float
    n_samples: int


def stationary_indices(n_sessions: int, *, mean_block: float, n_samples: int, rng: Generator) -> IntVector:
    """Draw session indices of the stationary bootstrap (Politis, Romano 1994).

    See docs/method/09-tournament.md#9.5.

    Parameters
    ----------
    n_sessions : int
        Length of the series.
    mean_block : float
        Mean block length in sessions, at least 1; 1 is the plain bootstrap.
    n_samples : int
    rng : numpy.random.Generator

    Returns
    -------
    (n_samples, n_sessions)
        Indices into the series.

    Raises
    ------
    InputError
        When a length, the number of samples or the mean block is below 1.

    Examples
    --------
    >>> stationary_indices(6, mean_block=3.0, n_samples=2, rng=np.random.default_rng(0)).tolist()
    [[2, 5, 3, 0, 1, 2], [5, 0, 1, 2, 3, 3]]
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
    """Draw bootstrap samples as the share of each session, so that `weights @ series` are the means of the samples.

    See docs/method/09-tournament.md#9.5.

    Parameters
    ----------
    n_sessions : int
        Length of the series.
    mean_block : float
        Mean block length in sessions, at least 1.
    n_samples : int
    rng : numpy.random.Generator

    Returns
    -------
    (n_samples, n_sessions)
        Rows add up to 1.

    Raises
    ------
    InputError
        As for `stationary_indices`.

    Examples
    --------
    >>> stationary_weights(4, mean_block=2.0, n_samples=2, rng=np.random.default_rng(0)).tolist()
    [[0.0, 0.0, 0.75, 0.25], [0.25, 0.25, 0.25, 0.25]]
    """
    indices = stationary_indices(n_sessions, mean_block=mean_block, n_samples=n_samples, rng=rng)
    offsets = np.arange(n_samples)[:, None] * n_sessions
    counts = np.bincount((indices + offsets).ravel(), minlength=n_samples * n_sessions)
    return np.asarray(counts.reshape(n_samples, n_sessions) / n_sessions, dtype=np.float64)


def optimal_block(series: FloatVector) -> float:
    """Estimate the optimal mean block length of the stationary bootstrap (Politis, White 2004; Patton et al. 2009).

    See docs/method/09-tournament.md#9.5.

    Parameters
    ----------
    series : (T,)

    Returns
    -------
    float
        Sessions, at least 1.

    Raises
    ------
    ShortHistoryError
        When there are fewer than 20 values.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(size=500)
    >>> persistent = np.convolve(noise, np.full(10, 0.1), mode="valid")
    >>> round(optimal_block(noise), 1), round(optimal_block(persistent), 1)
    (1.0, 15.5)
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
    """Return one mean block length for P paired series: the longest of their own.

    Parameters
    ----------
    returns : (T, P)

    Returns
    -------
    float
        Sessions, at least 1.

    Raises
    ------
    ShortHistoryError
        When there are fewer than 20 sessions.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(size=500)
    >>> common_block(np.column_stack([noise, np.cumsum(noise)])) == optimal_block(np.cumsum(noise))
    True
    """
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
    """Compute the percentile interval of any figure of one series.

    See docs/method/09-tournament.md#9.5.

    Parameters
    ----------
    series : (T,)
    statistic : (T, B) -> (B,)
        The figure of each column.
    rng : numpy.random.Generator
    level : float
        Confidence, a fraction.
    n_samples : int
    mean_block : float, optional
        Sessions; `optimal_block` of the series when not given.

    Returns
    -------
    Interval

    Raises
    ------
    InputError
        When the figure is undefined (NaN) on a sample.
    ShortHistoryError
        When there are fewer than 20 values and no mean block is given.

    Examples
    --------
    >>> returns = np.random.default_rng(1).normal(0.0005, 0.01, 250)
    >>> interval = bootstrap_interval(returns, lambda samples: samples.mean(axis=0), rng=np.random.default_rng(2))
    >>> round(interval.lower, 4), round(interval.estimate, 4), round(interval.upper, 4)
    (-0.0014, -0.0005, 0.0005)
    """
    block = optimal_block(series) if mean_block is None else mean_block
    indices = stationary_indices(series.size, mean_block=block, n_samples=n_samples, rng=rng)
    figures = statistic(series[indices].T)
    if not np.isfinite(figures).all():
        raise InputError(f"the figure is undefined on {int((~np.isfinite(figures)).sum())} of {n_samples} samples")
    lower, upper = np.quantile(figures, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    estimate = float(statistic(series[:, None])[0])
    return Interval(estimate, float(lower), float(upper), level, block, n_samples)
