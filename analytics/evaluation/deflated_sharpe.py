"""What a Sharpe ratio is worth after choosing among many.

See docs/method/09-tournament.md#9.5.

Sharpe ratios here are per session unless a name says annual; kurtosis is the plain one, 3 for a normal series, as in
the papers.
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
    """What combinatorially symmetric cross-validation found.

    Attributes
    ----------
    probability : float
        Share of splits in which the in-sample winner fell to the lower half out of sample.
    logits : (C,)
        ln(rank / (1 - rank)) of the winner out of sample, one for each split.
    slope : float
        Regression of the winner's out-of-sample on its in-sample Sharpe; negative: what shines fades.
    probability_of_loss : float
        Share of splits in which the winner's out-of-sample Sharpe was below 0.
    """

    probability: float
    logits: FloatVector
    slope: float
    probability_of_loss: float
    n_blocks: int


def probabilistic_sharpe(
    sharpe: float, *, n_sessions: int, skew: float, kurtosis: float, threshold: float = 0.0
) -> float:
    """Probability that the true Sharpe ratio exceeds a threshold (Bailey, Lopez de Prado 2012).

    Phi((S - S*) sqrt(T - 1) / sqrt(1 - skew S + (kurtosis - 1)/4 S^2)).

    Raises
    ------
    ShortHistoryError
        Fewer than two sessions.
    InputError
        Moments that no series has: the variance of the estimate would not be positive.
    """
    if n_sessions < 2:
        raise ShortHistoryError(f"a probabilistic Sharpe ratio needs 2 sessions, got {n_sessions}")
    variance = 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2
    if not variance > 0.0:
        raise InputError(f"Sharpe {sharpe}, skew {skew}, kurtosis {kurtosis} leave the estimate no variance")
    return float(stats.norm.cdf((sharpe - threshold) * np.sqrt(n_sessions - 1.0) / np.sqrt(variance)))


def expected_maximum_sharpe(n_trials: float, variance_of_sharpes: float) -> float:
    """The best Sharpe ratio to expect from trials without any skill (Bailey, Lopez de Prado 2014).

    sqrt(V) ((1 - g) Phi^-1(1 - 1/N) + g Phi^-1(1 - 1/(N e))), g the Euler-Mascheroni constant.

    Parameters
    ----------
    n_trials : float
        Independent trials, above 1.
    variance_of_sharpes : float
        Across the trials, per session.
    """
    if not n_trials > 1.0 or not variance_of_sharpes >= 0.0:
        raise InputError(f"{n_trials} trials with variance {variance_of_sharpes}: more than one trial is needed")
    high = float(stats.norm.ppf(1.0 - 1.0 / n_trials))
    higher = float(stats.norm.ppf(1.0 - 1.0 / (n_trials * np.e)))
    return float(np.sqrt(variance_of_sharpes) * ((1.0 - EULER_GAMMA) * high + EULER_GAMMA * higher))


def deflated_sharpe(
    sharpe: float, *, n_sessions: int, skew: float, kurtosis: float, n_trials: float, variance_of_sharpes: float
) -> float:
    """Probability that a Sharpe ratio is more than the luck of the best of N (Bailey, Lopez de Prado 2014)."""
    threshold = expected_maximum_sharpe(n_trials, variance_of_sharpes)
    return probabilistic_sharpe(sharpe, n_sessions=n_sessions, skew=skew, kurtosis=kurtosis, threshold=threshold)


def session_sharpes(returns: FloatMatrix) -> FloatVector:
    """Mean over standard deviation of each column, per session.

    Raises
    ------
    InputError
        A constant column.
    """
    constant = returns.min(axis=0) == returns.max(axis=0)
    if constant.any():
        raise InputError(f"portfolio {int(np.argmax(constant))} is constant: it has no Sharpe ratio; leave it out")
    return np.asarray(returns.mean(axis=0) / returns.std(axis=0, ddof=1), dtype=np.float64)


def overfitting_probability(returns: FloatMatrix, *, n_blocks: int = 16) -> Overfitting:
    """Probability of backtest overfitting by CSCV (Bailey, Borwein, Lopez de Prado, Zhu 2015).

    The sessions are cut into S blocks; each of the C(S, S/2) halves in turn is in-sample and its complement
    out-of-sample. Sharpe ratios follow from each block's count, sum and sum of squares, so a split costs one product.
    Blocks differ by at most one session when S does not divide T; none is dropped.

    Parameters
    ----------
    returns : (T, P)
        At least two portfolios.
    n_blocks : int
        S, even; each block needs at least two sessions.
    """
    n_sessions, n_portfolios = returns.shape
    if n_portfolios < 2:
        raise InputError("overfitting is a matter of choice: at least two portfolios are needed")
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
    won, kept, ranks = np.concatenate(parts, axis=1)
    relative = ranks / (n_portfolios + 1.0)
    logits = np.log(relative / (1.0 - relative))
    spread = won - won.mean()
    slope = float(spread @ kept / (spread @ spread)) if np.any(spread) else float("nan")
    return Overfitting(float((logits <= 0.0).mean()), logits, slope, float((kept < 0.0).mean()), n_blocks)


def _cross_validate(halves: FloatMatrix, moments: FloatMatrix) -> FloatMatrix:
    """Each split's winner: its Sharpe in sample, its Sharpe out of sample, and the rank of that (ties shared)."""
    inside = _sharpes_from_moments(np.tensordot(halves, moments, axes=1))
    outside = _sharpes_from_moments(np.tensordot(1.0 - halves, moments, axes=1))
    rows, winner = np.arange(halves.shape[0]), inside.argmax(axis=1)
    kept = outside[rows, winner]
    low, high = kept[:, None] - TIE_TOLERANCE, kept[:, None] + TIE_TOLERANCE
    ranks = (outside < low).sum(axis=1) + 0.5 * (((outside >= low) & (outside <= high)).sum(axis=1) + 1.0)
    return np.stack([inside[rows, winner], kept, ranks])


def _sharpes_from_moments(moments: FloatMatrix) -> FloatMatrix:
    """Sharpe ratios of (C, 3, P) counts, sums and sums of squares; a half without variance ranks by its mean's sign."""
    counts, sums, squares = moments[:, 0], moments[:, 1], moments[:, 2]
    mean = sums / counts
    variance = np.maximum(squares - counts * mean**2, 0.0) / (counts - 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        sharpes = mean / np.sqrt(variance)
    return np.asarray(np.where(np.isnan(sharpes), 0.0, sharpes), dtype=np.float64)
