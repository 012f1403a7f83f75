"""Measure the concentration of portfolio weights.

See docs/method/09-tournament.md#9.5.
"""

from __future__ import annotations

import numpy as np

from analytics._typing import FloatMatrix, FloatVector
from analytics.errors import InputError


def herfindahl(net_weights: FloatVector) -> float:
    """Compute the Herfindahl-Hirschman index of the gross weights: sum (|w_i| / gross)^2.

    See docs/method/09-tournament.md#9.5.

    Parameters
    ----------
    net_weights : (M,)
        Signed.

    Returns
    -------
    float
        In [1/M, 1]; NaN when all is cash.

    Examples
    --------
    >>> herfindahl(np.array([0.5, -0.5])), herfindahl(np.array([0.3, 0.0]))
    (0.5, 1.0)
    """
    gross = float(np.abs(net_weights).sum())
    return float(((net_weights / gross) ** 2).sum()) if gross > 0.0 else float("nan")


def effective_bets(net_weights: FloatVector, past_returns: FloatMatrix) -> float:
    """Compute the effective number of uncorrelated bets of a portfolio (Meucci 2009).

    See docs/method/09-tournament.md#9.5.

    The past covariance has principal axes e_n with variances l_n. The share of the portfolio's variance on axis n is
    p_n = (e_n'w)^2 l_n / w'Sw, and the result is exp(-sum p_n ln p_n): 1 when one axis carries all the variance, M when
    M axes carry the same. A long-only portfolio of equities is near 1, whatever its number of names, because one axis
    dominates.

    Parameters
    ----------
    net_weights : (M,)
        Signed.
    past_returns : (T, M)
        Physical simple returns of the train window; a NaN counts as the instrument's mean, which keeps the covariance
        positive semi-definite.

    Returns
    -------
    float
        In [1, M]; NaN when the portfolio has no variance.

    Raises
    ------
    InputError
        When the returns have not one column for each weight.

    Examples
    --------
    >>> past_returns = np.array([[0.01, 0.02], [-0.01, 0.02], [0.01, -0.02], [-0.01, -0.02]])
    >>> round(effective_bets(np.array([2 / 3, 1 / 3]), past_returns), 4)
    2.0
    """
    if past_returns.ndim != 2 or past_returns.shape[1] != net_weights.size:
        raise InputError(f"returns of shape {past_returns.shape} for {net_weights.size} weights")
    known = np.isfinite(past_returns)
    counts = np.maximum(known.sum(axis=0), 1)
    means = np.where(known, past_returns, 0.0).sum(axis=0) / counts
    centred = np.where(known, past_returns - means, 0.0)
    variances, axes = np.linalg.eigh(centred.T @ centred)
    carried = (axes.T @ net_weights) ** 2 * np.maximum(variances, 0.0)
    total = float(carried.sum())
    if not total > 0.0:
        return float("nan")
    shares = carried[carried > 0.0] / total
    return float(np.exp(-(shares * np.log(shares)).sum()))
