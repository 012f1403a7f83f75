"""Guess starting weights for the active set from a one-factor model.

They do not influence the solution, but good ones save large linear systems.
"""

from __future__ import annotations

import numpy as np

from analytics._typing import FloatMatrix, FloatVector


def guess_weights(covariance: FloatMatrix, appeal: FloatVector, budget: float) -> FloatVector:
    """Compute the long-only weights of the one-factor model of a covariance.

    In that model the solution is a cut-off rule (Elton, Gruber and Padberg 1976): hold the assets with the largest
    appeal for their loading.

    Parameters
    ----------
    covariance : (N, N)
    appeal : (N,)
        Expected reward of each asset; ones for minimum variance.
    budget : float
        Sum of the weights.

    Returns
    -------
    (N,)
        Nonnegative, sum `budget`.

    Examples
    --------
    >>> guess_weights(np.array([[0.04, 0.02], [0.02, 0.09]]), np.ones(2), 1.0).round(3).tolist()
    [0.875, 0.125]
    """
    count = appeal.size
    variance = covariance.diagonal()
    level = float(variance.mean())
    loading = covariance @ np.ones(count)
    for _ in range(2):
        length = float(np.linalg.norm(loading))
        if length <= 1e-9 * level:
            return np.full(count, budget / count)
        direction = loading / length
        loading = covariance @ direction
    loading /= np.sqrt(max(float(direction @ loading), 1e-12 * level))
    own = np.maximum(variance - loading**2, 0.05 * np.maximum(variance, 1e-9 * level))
    gain = np.full(count, np.inf)
    np.divide(appeal, loading, out=gain, where=loading > 1e-9 * float(np.abs(loading).max()))
    order = np.argsort(-gain)
    strength = np.cumsum((loading * appeal / own)[order]) / (1.0 + np.cumsum((loading**2 / own)[order]))
    inside = np.flatnonzero(gain[order] > strength)
    cut = strength[inside[-1]] if inside.size else 0.0
    weights = np.maximum(appeal - cut * loading, 0.0) / own
    total = weights.sum()
    return np.asarray(weights * (budget / total) if total > 0.0 else np.full(count, budget / count))
