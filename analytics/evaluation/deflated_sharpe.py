"""Test Sharpe ratios for significance after a choice among many trials.

See docs/method/09-tournament.md#9.5.

Sharpe ratios in this module are per session unless a name says annual; kurtosis is not in excess, 3 for a normal
series, as in the papers.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import stats

from analytics._typing import FloatMatrix, FloatVector
from analytics.errors import InputError, ShortHistoryError

EULER_GAMMA = 0.5772156649015329
# Splits worked on together, so that memory stays small with many portfolios.
SPLITS_AT_ONCE = 500
#: Figures nearer than this are equal: portfolios that hold the same may differ by rounding.
TIE_TOLERANCE = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Overfitting:
    """Result of combinatorially symmetric cross-validation.

    Attributes
    ----------
    probability : float
        Share of splits in which the in-sample winner was in the lower half out of sample.
    logits : (C,)
        ln(rank / (1 - rank)) of the winner out of sample, one for each split.
    slope : float
        Regression of the winner's out-of-sample on its in-sample Sharpe ratio; negative: performance degrades.
    probability_of_loss : float
        Share of splits in which the winner's out-of-sample Sharpe ratio was below 0.
    n_blocks : int
        Blocks that the sessions were cut into.
    """

    probability: float
    logits: FloatVector
    slope: float
    probability_of_loss: float
    n_blocks: int


def probabilistic_sharpe(
    sharpe: float, *, n_sessions: int, skew: float, kurtosis: float, threshold: float = 0.0
) -> float:
    """Compute the probability that the true Sharpe ratio exceeds a threshold (Bailey, Lopez de Prado 2012).

    See docs/method/09-tournament.md#9.5.

    Phi((S - S*) sqrt(T - 1) / sqrt(1 - skew S + (kurtosis - 1)/4 S^2)).

    Parameters
    ----------
    sharpe : float
        Per session.
    n_sessions : int
        T.
    skew, kurtosis : float
        Of the returns; kurtosis 3 for a normal series.
    threshold : float
        S*, per session.

    Returns
    -------
    float

    Raises
    ------
    ShortHistoryError
        When there are fewer than two sessions.
    InputError
        When no series can have these moments, because the variance of the estimate would not be positive.

    Examples
    --------
    >>> round(probabilistic_sharpe(0.1, n_sessions=250, skew=-0.5, kurtosis=5.0), 4)
    0.9373
    """
    if n_sessions < 2:
        raise ShortHistoryError(f"a probabilistic Sharpe ratio needs 2 sessions, got {n_sessions}")
    variance = 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2
    if not variance > 0.0:
        raise InputError(f"Sharpe {sharpe}, skew {skew}, kurtosis {kurtosis} leave the estimate no variance")
    return float(stats.norm.cdf((sharpe - threshold) * np.sqrt(n_sessions - 1.0) / np.sqrt(variance)))


def expected_maximum_sharpe(n_trials: float, variance_of_sharpes: float) -> float:
    """Compute the expected maximum of the Sharpe ratios of trials without skill (Bailey, Lopez de Prado 2014).

    See docs/method/09-tournament.md#9.5.

    sqrt(V) ((1 - g) Phi^-1(1 - 1/N) + g Phi^-1(1 - 1/(N e))), with g the Euler-Mascheroni constant.

    Parameters
    ----------
    n_trials : float
        Independent trials, above 1.
    variance_of_sharpes : float
        Across the trials, per session.

    Returns
    -------
    float
        Per session.

    Raises
    ------
    InputError
        When there is not more than one trial or the variance is negative.

    Examples
    --------
    >>> round(expected_maximum_sharpe(10, 0.04**2), 4)
    0.063
    """
    if not n_trials > 1.0 or not variance_of_sharpes >= 0.0:
        raise InputError(f"{n_trials} trials with variance {variance_of_sharpes}: more than one trial is needed")
    high = float(stats.norm.ppf(1.0 - 1.0 / n_trials))
    higher = float(stats.norm.ppf(1.0 - 1.0 / (n_trials * np.e)))
    return float(np.sqrt(variance_of_sharpes) * ((1.0 - EULER_GAMMA) * high + EULER_GAMMA * higher))


def deflated_sharpe(
    sharpe: float, *, n_sessions: int, skew: float, kurtosis: float, n_trials: float, variance_of_sharpes: float
) -> float:
    """Compute the probability that a Sharpe ratio exceeds the best of N unskilled trials (Bailey, Lopez de Prado 2014).

    See docs/method/09-tournament.md#9.5.

    Parameters
    ----------
    sharpe : float
        Per session.
    n_sessions : int
    skew, kurtosis : float
        Of the returns; kurtosis 3 for a normal series.
    n_trials : float
        Independent trials, above 1.
    variance_of_sharpes : float
        Across the trials, per session.

    Returns
    -------
    float

    Raises
    ------
    ShortHistoryError, InputError
        As for `probabilistic_sharpe` and `expected_maximum_sharpe`.

    Examples
    --------
    >>> moments = {"n_sessions": 250, "skew": -0.5, "kurtosis": 5.0}
    >>> round(deflated_sharpe(0.1, **moments, n_trials=10, variance_of_sharpes=0.04**2), 4)
    0.7148
    """
    threshold = expected_maximum_sharpe(n_trials, variance_of_sharpes)
    return probabilistic_sharpe(sharpe, n_sessions=n_sessions, skew=skew, kurtosis=kurtosis, threshold=threshold)


def session_sharpes(returns: FloatMatrix) -> FloatVector:
    """Compute the Sharpe ratio of each column per session, without a risk-free rate.

    Parameters
    ----------
    returns : (T, P)

    Returns
    -------
    (P,)

    Raises
    ------
    InputError
        When a column is constant.

    Examples
    --------
    >>> session_sharpes(np.array([[0.01, 0.02], [0.03, -0.01], [0.02, 0.02]])).round(4).tolist()
    [2.0, 0.5774]
    """
    constant = returns.min(axis=0) == returns.max(axis=0)
    if constant.any():
        raise InputError(f"portfolio {int(np.argmax(constant))} is constant: it has no Sharpe ratio; leave it out")
    return np.asarray(returns.mean(axis=0) / returns.std(axis=0, ddof=1), dtype=np.float64)


def overfitting_probability(returns: FloatMatrix, *, n_blocks: int = 16) -> Overfitting:
    """Estimate the probability of backtest overfitting by CSCV (Bailey, Borwein, Lopez de Prado, Zhu 2015).

    See docs/method/09-tournament.md#9.5.

    The sessions are cut into S blocks; each of the C(S, S/2) halves in turn is in-sample and its complement
    out-of-sample. Sharpe ratios follow from each block's count, sum and sum of squares, so a split costs one product.
    Blocks differ by at most one session when S does not divide T; none is dropped.

    Parameters
    ----------
    returns : (T, P)
        Simple returns of at least two portfolios.
    n_blocks : int
        S, even; each block needs at least two sessions.

    Returns
    -------
    Overfitting

    Raises
    ------
    InputError
        When there are fewer than two portfolios, when a portfolio is constant, or when `n_blocks` is odd.
    ShortHistoryError
        When there are fewer than two sessions for each block.

    Examples
    --------
    >>> returns = np.random.default_rng(0).normal(0.0, 0.01, size=(240, 5))
    >>> found = overfitting_probability(returns, n_blocks=8)
    >>> found.logits.size, 0.0 <= found.probability <= 1.0
    (70, True)
    """
    n_sessions, n_portfolios = returns.shape
    if n_portfolios < 2:
        raise InputError("the probability of overfitting needs at least two portfolios to choose from")
    if n_blocks < 2 or n_blocks % 2:
        raise InputError(f"{n_blocks} blocks cannot be halved; take an even number, at least 2")
    if n_sessions < 2 * n_blocks:
        raise ShortHistoryError(f"{n_blocks} blocks need {2 * n_blocks} sessions, the series has {n_sessions}")
    session_sharpes(returns)
    blocks = np.array_split(returns, n_blocks)
    moments = np.stack([[np.full(n_portfolios, len(b)), b.sum(axis=0), (b * b).sum(axis=0)] for b in blocks])
    chosen = np.array(list(combinations(range(n_blocks), n_blocks // 2)))
    halves = np.zeros((len(chosen), n_blocks))
    np.put_along_axis(halves, chosen, 1.0, axis=1)
    parts = [_cross_validate(part, moments) for part in np.array_split(halves, -(-len(chosen) // SPLITS_AT_ONCE))]
    in_sample, out_of_sample, ranks = np.concatenate(parts, axis=1)
    relative = ranks / (n_portfolios + 1.0)
    logits = np.log(relative / (1.0 - relative))
    spread = in_sample - in_sample.mean()
    slope = float(spread @ out_of_sample / (spread @ spread)) if np.any(spread) else float("nan")
    return Overfitting(float((logits <= 0.0).mean()), logits, slope, float((out_of_sample < 0.0).mean()), n_blocks)


def _cross_validate(halves: FloatMatrix, moments: FloatMatrix) -> FloatMatrix:
    """Sharpe ratio of each split's winner in sample and out of sample, and its rank out of sample (ties shared)."""
    inside = _sharpes_from_moments(np.tensordot(halves, moments, axes=1))
    outside = _sharpes_from_moments(np.tensordot(1.0 - halves, moments, axes=1))
    rows, winner = np.arange(halves.shape[0]), inside.argmax(axis=1)
    kept = outside[rows, winner]
    low, high = kept[:, None] - TIE_TOLERANCE, kept[:, None] + TIE_TOLERANCE
    ranks = (outside < low).sum(axis=1) + 0.5 * (((outside >= low) & (outside <= high)).sum(axis=1) + 1.0)
    return np.stack([inside[rows, winner], kept, ranks])


def _sharpes_from_moments(moments: FloatMatrix) -> FloatMatrix:
    """Sharpe ratios of (C, 3, P) counts, sums and sums of squares; a half without variance ranks by the sign of its mean."""
    counts, sums, squares = moments[:, 0], moments[:, 1], moments[:, 2]
    mean = sums / counts
    variance = np.maximum(squares - counts * mean**2, 0.0) / (counts - 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        sharpes = mean / np.sqrt(variance)
    return np.asarray(np.where(np.isnan(sharpes), 0.0, sharpes), dtype=np.float64)
