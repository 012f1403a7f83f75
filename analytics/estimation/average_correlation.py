"""Average the correlation over all pairs of a pool without building the matrix of pairs.

See docs/method/03-dependence.md#3.1, docs/method/07-regime.md#7.1.
"""

from __future__ import annotations

import math

import numpy as np

from analytics._typing import BoolMatrix, BoolVector, FloatMatrix, FloatVector, IntVector
from analytics.estimation.correlation import window_correlation
from analytics.panel import moves

#: Up to this many calendars in a window the pairs are summed calendar by calendar; beyond, the matrix is cheaper.
MAX_CALENDARS = 10


def mean_correlation(window: FloatMatrix, min_overlap: int) -> float:
    """Average Pearson's correlation over the pairs of a pool in one window.

    See docs/method/03-dependence.md#3.1.

    Each pair is measured on its common sessions. Instruments with the same known sessions share every mean and
    deviation, so the sum over their pairs follows from the sum of their standard scores. Instruments that do not move
    on the common sessions are left out.

    Parameters
    ----------
    window : (T, N)
        Simple returns as fractions; NaN for NULL, nothing infinite.
    min_overlap : int
        Common sessions that a pair needs.

    Returns
    -------
    float
        In [-1, 1]; NaN where no pair has `min_overlap` common sessions.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.average_correlation import mean_correlation
    >>> window = np.array([[0.01, 0.02, 0.00], [-0.01, -0.02, 0.01], [0.02, 0.04, 0.02], [0.00, 0.00, -0.01]])
    >>> round(mean_correlation(window, min_overlap=4), 4)
    0.6
    >>> mean_correlation(window, min_overlap=5)
    nan
    """
    known = np.isfinite(window)
    representatives, calendar_ids = _group_by_calendar(known)
    n_calendars = representatives.size
    if n_calendars > MAX_CALENDARS:
        matrix = window_correlation(window, min_overlap)
        pairs = matrix[np.triu_indices(matrix.shape[0], k=1)]
        return float(np.nanmean(pairs)) if np.isfinite(pairs).any() else math.nan
    calendars = known[:, representatives]
    members = [window[:, calendar_ids == calendar] for calendar in range(n_calendars)]
    total, n_pairs = 0.0, 0
    for i in range(n_calendars):
        for j in range(i, n_calendars):
            common = calendars[:, i] & calendars[:, j]
            if common.sum() < max(min_overlap, 2):
                continue
            left, n_left = _summed_scores(members[i], common)
            if i == j:
                total += 0.5 * (float(left @ left) - n_left)
                n_pairs += n_left * (n_left - 1) // 2
            else:
                right, n_right = _summed_scores(members[j], common)
                total += float(left @ right)
                n_pairs += n_left * n_right
    return total / n_pairs if n_pairs else math.nan


def rolling_mean_correlation(
    past_returns: FloatMatrix, window_sessions: int, *, min_overlap: int, step_sessions: int = 1
) -> FloatVector:
    """Average the correlation over all pairs in the trailing window of each session.

    See docs/method/03-dependence.md#3.1.

    Parameters
    ----------
    past_returns : (T, N)
        Simple returns as fractions, oldest session first; NaN for NULL.
    window_sessions : int
        Sessions of each window, the current one included.
    min_overlap : int
        Common sessions that a pair needs within a window.
    step_sessions : int
        Distance of the computed sessions, counted back from the last one.

    Returns
    -------
    (T,)
        In [-1, 1]; NaN until the window is full, between steps and where no pair has `min_overlap` common sessions.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.average_correlation import rolling_mean_correlation
    >>> returns = np.array([[0.01, 0.02], [-0.01, -0.02], [0.02, 0.04], [0.00, 0.01]])
    >>> rolling_mean_correlation(returns, 3, min_overlap=3).round(3)
    array([  nan,   nan, 1.   , 0.982])
    """
    sessions = past_returns.shape[0]
    out = np.full(sessions, np.nan)
    for last in range(sessions - 1, window_sessions - 2, -step_sessions):
        out[last] = mean_correlation(past_returns[last - window_sessions + 1 : last + 1], min_overlap)
    return out


def _group_by_calendar(known: BoolMatrix) -> tuple[IntVector, IntVector]:
    """Group columns by their known sessions: one column of each pattern, and the pattern of each column (N,)."""
    if known.all():
        return np.zeros(1, dtype=np.int64), np.zeros(known.shape[1], dtype=np.int64)
    packed = np.ascontiguousarray(np.packbits(known, axis=0).T)
    patterns = packed.view(f"V{packed.shape[1]}").ravel()
    _, representatives, calendar_ids = np.unique(patterns, return_index=True, return_inverse=True)
    return representatives, calendar_ids


def _summed_scores(returns: FloatMatrix, common: BoolVector) -> tuple[FloatVector, int]:
    """Sum the standard scores (T',) of the columns that move on the common sessions, and count these columns."""
    window = returns[common]
    window = window[:, moves(window.min(axis=0), window.max(axis=0))]
    deviations = window - window.mean(axis=0)
    return deviations @ (1.0 / np.sqrt(np.einsum("ij,ij->j", deviations, deviations))), window.shape[1]
