"""Test the best of many portfolios for superior predictive ability over a benchmark (Hansen 2005).

See docs/method/09-tournament.md#9.5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from analytics._typing import FloatMatrix, FloatVector
from analytics.errors import InputError
from analytics.evaluation.bootstrap import common_block, stationary_weights


@dataclass(frozen=True, slots=True)
class Superiority:
    """Result of the test for superior predictive ability.

    Attributes
    ----------
    statistic : float
        Largest studentised mean advantage over the benchmark, at least 0.
    best : int
        Column of the portfolio with that advantage.
    p_lower, p_value, p_upper : float
        Liberal, consistent and conservative p-values; the consistent one is the result.
    mean_block : float
        Mean block length of the bootstrap, in sessions.
    n_samples : int
    """

    statistic: float
    best: int
    p_lower: float
    p_value: float
    p_upper: float
    mean_block: float
    n_samples: int


def superior_ability(
    returns: FloatMatrix,
    benchmark_returns: FloatVector,
    *,
    rng: Generator,
    n_samples: int = 2000,
    mean_block: float | None = None,
) -> Superiority:
    """Test the null hypothesis that no portfolio has a higher mean return than the benchmark (Hansen 2005).

    See docs/method/09-tournament.md#9.5.

    With d the (T, P) advantages and w_k their long-run deviations under the stationary bootstrap, the statistic is
    max(0, max_k sqrt(T) mean(d_k)/w_k). The samples are recentred so that the null holds: a portfolio whose mean lies
    below -w_k sqrt(2 ln ln T / T) is too poor to matter and keeps its own mean (consistent p-value), all are recentred
    to 0 (conservative), or all poor ones keep theirs (liberal). A p-value counts samples at or above the statistic,
    so when no portfolio beats the benchmark it is 1.

    Parameters
    ----------
    returns : (T, P)
        Stitched simple returns, finite.
    benchmark_returns : (T,)
        Of the same sessions.
    rng : numpy.random.Generator
    n_samples : int
    mean_block : float, optional
        Sessions; the longest `optimal_block` of the advantages when not given.

    Returns
    -------
    Superiority

    Raises
    ------
    InputError
        When shapes disagree, or when a portfolio differs from the benchmark by a constant.
    ShortHistoryError
        When there are fewer than 20 sessions and no mean block is given.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> benchmark_returns = rng.normal(0.0, 0.01, 250)
    >>> returns = benchmark_returns[:, None] + rng.normal([0.0, 0.002], 0.005, size=(250, 2))
    >>> test = superior_ability(returns, benchmark_returns, rng=rng, n_samples=500)
    >>> test.best, test.p_value < 0.01
    (1, True)
    """
    if returns.ndim != 2 or benchmark_returns.shape != returns.shape[:1]:
        raise InputError(f"returns of shape {returns.shape} beside a benchmark of shape {benchmark_returns.shape}")
    advantage = returns - benchmark_returns[:, None]
    constant = advantage.min(axis=0) == advantage.max(axis=0)
    if constant.any():
        raise InputError(f"portfolio {int(np.argmax(constant))} differs from the benchmark by a constant; leave it out")
    n = returns.shape[0]
    block = common_block(advantage) if mean_block is None else mean_block
    mean = advantage.mean(axis=0)
    error = long_run_deviation(advantage, block) / np.sqrt(n)
    statistic = max(0.0, float((mean / error).max()))
    sampled = stationary_weights(n, mean_block=block, n_samples=n_samples, rng=rng) @ advantage
    floor = -error * np.sqrt(2.0 * np.log(np.log(n)))
    centres = (np.maximum(mean, 0.0), np.where(mean >= floor, mean, 0.0), mean)
    p_values = [
        float((np.maximum(((sampled - centre) / error).max(axis=1), 0.0) >= statistic).mean()) for centre in centres
    ]
    return Superiority(statistic, int((mean / error).argmax()), p_values[0], p_values[1], p_values[2], block, n_samples)


def long_run_deviation(series: FloatMatrix, mean_block: float) -> FloatVector:
    """Compute the deviation of sqrt(T) times a mean under the stationary bootstrap (Politis, Romano 1994, lemma 1).

    See docs/method/09-tournament.md#9.5.

    g_0 + 2 sum_i ((T - i)/T (1 - q)^i + i/T (1 - q)^(T - i)) g_i with q = 1/`mean_block` and autocovariances g_i.

    Parameters
    ----------
    series : (T, P)
    mean_block : float
        Sessions.

    Returns
    -------
    (P,)

    Examples
    --------
    >>> long_run_deviation(np.array([[1.0], [-1.0], [1.0], [-1.0]]), mean_block=1.0).round(4).tolist()
    [1.0]
    """
    n = series.shape[0]
    centred = series - series.mean(axis=0)
    keep = 1.0 - 1.0 / mean_block
    lags = np.arange(1, n)
    weights = (n - lags) / n * keep**lags + lags / n * keep ** (n - lags)
    # Autocovariances of all lags at once: the spectrum of the padded series.
    spectrum = np.abs(np.fft.rfft(centred, 2 * n, axis=0)) ** 2
    autocovariance = np.fft.irfft(spectrum, 2 * n, axis=0)[:n] / n
    return np.asarray(np.sqrt(autocovariance[0] + 2.0 * weights @ autocovariance[1:]), dtype=np.float64)
