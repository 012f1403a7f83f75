"""How one instrument or stream can hurt (quant.md 6)."""

from __future__ import annotations

import numpy as np
from scipy import stats

from analytics._typing import FloatMatrix, FloatVector


def percentile_rank(values: FloatVector) -> FloatVector:
    """Percentile rank of each value among all, ties averaged.

    Parameters
    ----------
    values : (N,)
        Finite numbers; a NaN keeps its place and gets NaN.

    Returns
    -------
    (N,)
        (average rank - 0.5) / count, in (0, 1).
    """
    ranks = np.full(values.shape, np.nan)
    known = np.isfinite(values)
    if known.any():
        ranks[known] = (stats.rankdata(values[known]) - 0.5) / known.sum()
    return ranks


def skewness(past_returns: FloatMatrix) -> FloatVector:
    """Sample skewness of each column, NaN ignored (quant.md 6.2).

    Returns
    -------
    (N,)
        Adjusted Fisher-Pearson skewness; 0 for a constant column, NaN below three values.
    """
    out = np.full(past_returns.shape[1], np.nan)
    for column in range(past_returns.shape[1]):
        known = past_returns[np.isfinite(past_returns[:, column]), column]
        if known.size >= 3:
            out[column] = 0.0 if np.ptp(known) == 0.0 else float(stats.skew(known, bias=False))
    return out


def tail_ratio(past_returns: FloatMatrix) -> FloatVector:
    """E[r | r >= q95] / |E[r | r <= q05]| of each column, NaN ignored (quant.md 6.2).

    Returns
    -------
    (N,)
        NaN for a column without values; infinite where the lower tail's mean is 0.
    """
    out = np.full(past_returns.shape[1], np.nan)
    for column in range(past_returns.shape[1]):
        known = past_returns[np.isfinite(past_returns[:, column]), column]
        if known.size == 0:
            continue
        low, high = np.quantile(known, [0.05, 0.95])
        loss = abs(float(known[known <= low].mean()))
        gain = float(known[known >= high].mean())
        out[column] = gain / loss if loss > 0.0 else np.inf
    return out


def convexity(past_held_returns: FloatMatrix) -> FloatVector:
    """Convexity A: mean of the percentile ranks of skewness and tail ratio (quant.md 6.2).

    Parameters
    ----------
    past_held_returns : (T, N)
        Directional returns, that is physical returns times the direction.

    Returns
    -------
    (N,)
        In [0, 1].
    """
    ranks = np.vstack([percentile_rank(skewness(past_held_returns)), percentile_rank(tail_ratio(past_held_returns))])
    return np.asarray(ranks.mean(axis=0), dtype=np.float64)
