"""Shrink a covariance towards the single-factor model of the pool's mean return.

See docs/method/03-dependence.md#3.3.

Ledoit, O., Wolf, M. (2003). Improved estimation of the covariance matrix of stock returns with an application to portfolio
selection. Journal of Empirical Finance 10(5).
"""

from __future__ import annotations

import numpy as np

from analytics._typing import BoolMatrix, FloatMatrix
from analytics.estimation.moments import center, pairwise_moments
from analytics.estimation.shrinkage import ShrunkCovariance, blend_with_target, fill_unknown, shrinkage_intensity


def shrink_to_single_factor(returns: FloatMatrix, known: BoolMatrix) -> ShrunkCovariance:
    """Shrink the sample covariance towards beta beta' var(m) with its own variances, m the mean return of the pool.

    See docs/method/03-dependence.md#3.3.

    The sampling variance of each entry is divided by its own overlap; on a complete panel this is the estimator of the
    paper.

    Parameters
    ----------
    returns : (T, N)
        Simple returns as fractions; NaN for NULL.
    known : (N, N)
        Pairs with enough common sessions; symmetric, true on the diagonal.

    Returns
    -------
    ShrunkCovariance
        Per session, moments divided by the number of sessions (ddof 0).

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.single_factor import shrink_to_single_factor
    >>> rng = np.random.default_rng(0)
    >>> returns = rng.normal(size=(60, 1)) + rng.normal(size=(60, 3)) * [0.5, 1.0, 2.0]
    >>> shrunk = shrink_to_single_factor(returns, np.ones((3, 3), dtype=bool))
    >>> shrunk.matrix.round(3)
    array([[1.149, 0.909, 0.922],
           [0.909, 1.966, 1.233],
           [0.922, 1.233, 5.12 ]])
    >>> round(shrunk.intensity, 3)
    0.051
    """
    deviations, mask = center(returns)
    squares = deviations**2
    overlap = np.maximum(mask.T @ mask, 1.0)
    market = deviations.sum(axis=1) / np.maximum(mask.sum(axis=1), 1.0)
    market = market - market.mean()
    market_variance = float(market @ market) / market.size
    with_market = deviations * market[:, None]
    covariance = with_market.sum(axis=0) / np.diagonal(overlap)
    sample = fill_unknown(pairwise_moments(returns).covariance, known)
    raw = deviations.T @ deviations / overlap
    pi = np.where(known, (squares.T @ squares / overlap - raw**2) / overlap, 0.0)
    factor_model = np.outer(covariance, covariance) / market_variance
    target = factor_model.copy()
    np.fill_diagonal(target, np.diagonal(sample))
    own = squares.T @ with_market / overlap - covariance[:, None] * raw
    common = with_market.T @ with_market / overlap - market_variance * raw
    rho = (2.0 * own * covariance[None, :] - common * factor_model) / market_variance / overlap
    rho = np.where(known, rho, 0.0)
    rho_total = float(np.trace(pi)) + float(rho.sum()) - float(np.trace(rho))
    gap = np.where(known, target - sample, 0.0)
    return blend_with_target(sample, target, shrinkage_intensity(float(pi.sum()) - rho_total, float(np.vdot(gap, gap))))
