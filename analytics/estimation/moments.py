"""Compute moments of pairs of instruments on their common sessions by matrix products.

See docs/method/02-returns.md#2.4, docs/method/03-dependence.md#3.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics._typing import FloatMatrix, FloatVector

#: Variance on common sessions, relative to the mean square about the whole column's mean, that cancellation may leave.
CANCELLATION = 1e-12


@dataclass(frozen=True, slots=True)
class PairwiseMoments:
    """Second moments of each pair of columns on its common sessions.

    Attributes
    ----------
    overlap : (N, N)
        Sessions on which both have a return.
    weight : (N, N)
        Sum of the session weights over these; the overlap itself without weights.
    squared_weight : (N, N)
        Sum of the squared session weights.
    covariance : (N, N)
        Per session: weighted mean product of deviations from the means of the pair (ddof 0); NaN without a common
        session.
    variance : (N, N)
        Entry (i, j) is the variance per session of i on the sessions it shares with j (ddof 0); exactly 0 where i
        does not move there.
    """

    overlap: FloatMatrix
    weight: FloatMatrix
    squared_weight: FloatMatrix
    covariance: FloatMatrix
    variance: FloatMatrix


def center(returns: FloatMatrix) -> tuple[FloatMatrix, FloatMatrix]:
    """Subtract from each column its own mean over the known returns.

    Parameters
    ----------
    returns : (T, N)
        NaN for NULL.

    Returns
    -------
    deviations : (T, N)
        In the unit of the returns, 0 for NaN.
    mask : (T, N)
        1.0 where the return is known, else 0.0.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.moments import center
    >>> deviations, mask = center(np.array([[1.0, -2.0], [3.0, np.nan]]))
    >>> deviations
    array([[-1.,  0.],
           [ 1.,  0.]])
    >>> mask
    array([[1., 1.],
           [1., 0.]])
    """
    known = np.isfinite(returns)
    mask = known.astype(np.float64)
    filled = np.where(known, returns, 0.0)
    mean = filled.sum(axis=0) / np.maximum(mask.sum(axis=0), 1.0)
    return np.asarray((filled - mean) * mask, dtype=np.float64), mask


def pairwise_moments(returns: FloatMatrix, weights: FloatVector | None = None) -> PairwiseMoments:
    """Compute second moments of every pair over its common sessions.

    See docs/method/02-returns.md#2.4.

    Parameters
    ----------
    returns : (T, N)
        Simple returns as fractions; NaN for NULL.
    weights : (T,), optional
        Non-negative session weights; all 1 where absent.

    Returns
    -------
    PairwiseMoments
        Per session, not annualised.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.moments import pairwise_moments
    >>> moments = pairwise_moments(np.array([[1.0, 2.0], [np.nan, 3.0], [3.0, 5.0]]))
    >>> moments.overlap
    array([[2., 2.],
           [2., 3.]])
    >>> moments.covariance.round(4)
    array([[1.    , 1.5   ],
           [1.5   , 1.5556]])
    """
    deviations, mask = center(returns)
    root = np.ones(returns.shape[0]) if weights is None else np.sqrt(weights)
    weighted_mask, weighted = mask * root[:, None], deviations * root[:, None]
    overlap = mask.T @ mask
    weight = overlap if weights is None else weighted_mask.T @ weighted_mask
    squared_weight = overlap if weights is None else (mask * weights[:, None]).T @ (mask * weights[:, None])
    sums = weighted.T @ weighted_mask
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums / weight
        covariance = (weighted.T @ weighted) / weight - means * means.T
        square = (weighted**2).T @ mask / weight
        variance = square - means**2
    variance[variance <= CANCELLATION * square] = 0.0
    return PairwiseMoments(overlap, weight, squared_weight, covariance, variance)
