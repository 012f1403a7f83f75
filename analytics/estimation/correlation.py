"""Measure correlations of pairs, physical and as held, and the distance that clusters are made from.

See docs/method/03-dependence.md#3.1, 3.2, 3.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics._typing import FloatMatrix, IntVector
from analytics.errors import InputError
from analytics.estimation.moments import pairwise_moments
from analytics.panel import ROUNDING, check_directions, check_panel, moves, refuse_unusable

DEFAULT_LOOKBACKS = (60, 120, 200)
MIN_OVERLAP = 20


@dataclass(frozen=True, slots=True)
class BlendedDistance:
    """Correlation and distance of held returns, each averaged over the lookbacks in which the pair is known.

    See docs/method/03-dependence.md#3.4.

    Attributes
    ----------
    correlation : (N, N)
        Held correlation in [-1, 1]; NaN where no lookback knows the pair.
    distance : (N, N)
        In [0, 1]; NaN likewise.
    lookbacks : tuple of int
        Lengths of the lookbacks used, in sessions.
    """

    correlation: FloatMatrix
    distance: FloatMatrix
    lookbacks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DenseSubset:
    """Instruments that stay in a correlation matrix, and the reason of each that was excluded.

    Attributes
    ----------
    kept : (N',)
        Columns that stay, in their order.
    excluded : tuple of (str, str)
        Symbol and reason of the others, by symbol.
    """

    kept: IntVector
    excluded: tuple[tuple[str, str], ...]


def pairwise_correlation(
    past_returns: ArrayLike, min_overlap: int = MIN_OVERLAP, *, names: Sequence[str] | None = None
) -> FloatMatrix:
    """Estimate Pearson's correlation of each pair of instruments on its common sessions.

    See docs/method/03-dependence.md#3.1.

    Parameters
    ----------
    past_returns : (T, N)
        Physical simple returns as fractions; NaN for NULL.
    min_overlap : int
        Common sessions that a pair needs.
    names : sequence of N str, optional
        Symbols for the messages.

    Returns
    -------
    (N, N)
        In [-1, 1], 1 on the diagonal; NaN for a pair with fewer than `min_overlap` common sessions or without variation
        on them.

    Raises
    ------
    InputError
        Infinite returns, repeated names, an instrument without returns or without variation.
    ShortHistoryError
        Fewer than two sessions.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.correlation import pairwise_correlation
    >>> returns = np.array([[0.01, 0.02, np.nan], [-0.01, -0.02, 0.01], [0.02, 0.04, 0.00], [0.00, 0.00, 0.02]])
    >>> pairwise_correlation(returns, min_overlap=3).round(3)
    array([[ 1.   ,  1.   , -0.655],
           [ 1.   ,  1.   , -0.655],
           [-0.655, -0.655,  1.   ]])
    """
    panel = check_panel(past_returns, names)
    refuse_unusable(panel)
    return window_correlation(panel.returns, min_overlap, is_complete=panel.is_complete)


def window_correlation(returns: FloatMatrix, min_overlap: int, *, is_complete: bool | None = None) -> FloatMatrix:
    """Estimate the pairwise correlation of one window of a panel that was checked before.

    See docs/method/03-dependence.md#3.1.

    Parameters
    ----------
    returns : (T, N)
        Simple returns as fractions; NaN for NULL, nothing infinite. A column may be empty or constant.
    min_overlap : int
        Common sessions that a pair needs.
    is_complete : bool, optional
        The window has no NaN; found out where it is not given.

    Returns
    -------
    (N, N)
        As `pairwise_correlation`; the pairs of a column without variation are NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.correlation import window_correlation
    >>> window = np.array([[0.01, 0.02, 0.0], [-0.01, -0.01, 0.0], [0.02, 0.03, 0.0]])
    >>> window_correlation(window, min_overlap=3).round(3)
    array([[1.   , 0.996,   nan],
           [0.996, 1.   ,   nan],
           [  nan,   nan, 1.   ]])
    """
    if is_complete is None:
        is_complete = bool(np.isfinite(returns).all())
    if is_complete and returns.shape[0] >= min_overlap:
        deviations = returns - returns.mean(axis=0)
        norms = np.sqrt(np.einsum("ij,ij->j", deviations, deviations))
        norms[~moves(returns.min(axis=0), returns.max(axis=0))] = np.nan
        deviations /= norms
        correlation = deviations.T @ deviations
    else:
        moments = pairwise_moments(returns)
        scale = np.fmax.reduce(np.abs(returns), axis=0, initial=0.0)
        rounding = np.maximum(1e-13 * scale, ROUNDING * (1.0 + scale))
        has_variation = moments.variance > rounding[:, None] ** 2
        known = (moments.overlap >= min_overlap) & has_variation & has_variation.T
        with np.errstate(invalid="ignore", divide="ignore"):
            correlation = np.where(known, moments.covariance / np.sqrt(moments.variance * moments.variance.T), np.nan)
    np.clip(correlation, -1.0, 1.0, out=correlation)
    np.fill_diagonal(correlation, 1.0)
    return np.asarray(correlation, dtype=np.float64)


def held_correlation(correlation: FloatMatrix, directions: ArrayLike) -> FloatMatrix:
    """Turn physical correlations into those of the held positions: rho_ij * direction_i * direction_j.

    See docs/method/03-dependence.md#3.2.

    Parameters
    ----------
    correlation : (N, N)
        Of physical returns; NaN stays NaN.
    directions : (N,)
        +1 for long, -1 for short.

    Returns
    -------
    (N, N)
        In [-1, 1]; the argument itself where every position is long.

    Raises
    ------
    InputError
        A direction other than +1 or -1, or not one for each row.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.correlation import held_correlation
    >>> held_correlation(np.array([[1.0, 0.8], [0.8, 1.0]]), [1, -1])
    array([[ 1. , -0.8],
           [-0.8,  1. ]])
    """
    signs = check_directions(directions, [f"column {column}" for column in range(correlation.shape[0])])
    if (signs > 0.0).all():
        return correlation
    return np.asarray(correlation * np.outer(signs, signs), dtype=np.float64)


def correlation_distance(correlation: FloatMatrix) -> FloatMatrix:
    """Convert correlations to distances sqrt((1 - rho) / 2).

    See docs/method/03-dependence.md#3.4.

    Parameters
    ----------
    correlation : (N, N)
        In [-1, 1].

    Returns
    -------
    (N, N)
        0 for perfect co-movement, 0.707 for none, 1 for opposite movement; NaN stays NaN.

    Notes
    -----
    A Euclidean distance of standardised returns up to a factor (Mantegna 1999, Hierarchical structure in financial
    markets).

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.correlation import correlation_distance
    >>> correlation_distance(np.array([1.0, 0.5, 0.0, -1.0])).round(4)
    array([0.    , 0.5   , 0.7071, 1.    ])
    """
    distance = 1.0 - correlation
    distance *= 0.5
    np.maximum(distance, 0.0, out=distance)
    return np.asarray(np.sqrt(distance, out=distance), dtype=np.float64)


def blended_distance(
    past_returns: ArrayLike,
    directions: ArrayLike,
    lookbacks: Sequence[int] = DEFAULT_LOOKBACKS,
    min_overlap: int = MIN_OVERLAP,
    *,
    names: Sequence[str] | None = None,
) -> BlendedDistance:
    """Average the distance of held returns over the lookbacks that fit into the past.

    See docs/method/03-dependence.md#3.4.

    A lookback fits when the panel is at least as long. When none fits, the whole panel is the one lookback; the result
    names the lookbacks used. Columns without returns or variation have NaN pairs; `exclude_sparse` names them.

    Parameters
    ----------
    past_returns : (T, N)
        Physical simple returns as fractions, the last row the most recent; NaN for NULL.
    directions : (N,)
        +1 for long, -1 for short.
    lookbacks : sequence of int
        Lengths in sessions.
    min_overlap : int
        Common sessions that a pair needs within a lookback.
    names : sequence of N str, optional
        Symbols for the messages.

    Returns
    -------
    BlendedDistance

    Raises
    ------
    InputError
        Infinite returns, a direction other than +1 or -1, no lookback, a lookback below `min_overlap` or not whole.
    ShortHistoryError
        Fewer sessions than `min_overlap`.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.correlation import blended_distance
    >>> returns = 0.01 * np.random.default_rng(0).normal(size=(70, 2))
    >>> blended = blended_distance(returns, [1, -1], lookbacks=(30, 60, 120))
    >>> blended.lookbacks
    (30, 60)
    >>> blended.distance.round(3)
    array([[0.   , 0.725],
           [0.725, 0.   ]])
    """
    panel = check_panel(past_returns, names, min_sessions=max(2, min_overlap))
    signs = check_directions(directions, panel.symbols)
    lookbacks = integer_lookbacks(lookbacks)
    if not lookbacks or min(lookbacks) < min_overlap:
        raise InputError(f"Lookbacks {tuple(lookbacks)} must each have at least min_overlap = {min_overlap} sessions.")
    n_sessions = panel.returns.shape[0]
    fitting_lookbacks = tuple(sorted({lookback for lookback in lookbacks if lookback <= n_sessions})) or (n_sessions,)
    correlations, distances = [], []
    for lookback in fitting_lookbacks:
        physical = window_correlation(panel.returns[-lookback:], min_overlap, is_complete=panel.is_complete or None)
        held = held_correlation(physical, signs)
        correlations.append(held)
        distances.append(correlation_distance(held))
    return BlendedDistance(_mean_known(correlations), _mean_known(distances), fitting_lookbacks)


def integer_lookbacks(lookbacks: Sequence[int]) -> tuple[int, ...]:
    """Convert lookbacks to integers and refuse fractions of a session.

    Parameters
    ----------
    lookbacks : sequence of int
        Lengths in sessions; whole floats are accepted.

    Returns
    -------
    tuple of int

    Raises
    ------
    InputError
        A lookback that is not a whole number.

    Examples
    --------
    >>> from analytics.estimation.correlation import integer_lookbacks
    >>> integer_lookbacks([60.0, 120])
    (60, 120)
    """
    fractional = [lookback for lookback in lookbacks if not float(lookback).is_integer()]
    if fractional:
        raise InputError(f"A lookback is a whole number of sessions, not {fractional[0]!r}.")
    return tuple(int(lookback) for lookback in lookbacks)


def exclude_sparse(correlation: FloatMatrix, symbols: Sequence[str]) -> DenseSubset:
    """Exclude instruments for which more than half of the pairs have no correlation.

    See docs/method/03-dependence.md#3.1.

    The instrument with the most unknown pairs leaves first, of several the one with the later name, and the shares are
    counted anew. So one empty instrument does not exclude the others, and the result does not depend on their order.

    Parameters
    ----------
    correlation : (N, N)
        NaN for NULL pairs.
    symbols : sequence of N str
        Names of the rows.

    Returns
    -------
    DenseSubset

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.correlation import exclude_sparse
    >>> correlation = np.array([[1.0, 0.3, np.nan], [0.3, 1.0, np.nan], [np.nan, np.nan, 1.0]])
    >>> subset = exclude_sparse(correlation, ["A", "B", "C"])
    >>> subset.kept
    array([0, 1])
    >>> subset.excluded
    (('C', 'sparse overlap: 2 of 2 pairs unknown'),)
    """
    unknown = np.isnan(correlation)
    kept = np.ones(len(symbols), dtype=bool)
    excluded: list[tuple[str, str]] = []
    counts = unknown.sum(axis=1)
    while kept.sum() > 1:
        n_pairs = int(kept.sum()) - 1
        worst_count = int(counts[kept].max())
        if 2 * worst_count <= n_pairs:
            break
        tied: list[int] = np.flatnonzero(kept & (counts == worst_count)).tolist()
        worst = max(tied, key=lambda index: symbols[index])
        kept[worst] = False
        counts = counts - unknown[:, worst]
        excluded.append((symbols[worst], f"sparse overlap: {worst_count} of {n_pairs} pairs unknown"))
    return DenseSubset(np.flatnonzero(kept).astype(np.int64), tuple(sorted(excluded)))


def _mean_known(matrices: Sequence[FloatMatrix]) -> FloatMatrix:
    """Average matrices entry by entry over those in which the entry is known."""
    if len(matrices) == 1:
        return matrices[0]
    total = np.add(matrices[0], matrices[1])
    for matrix in matrices[2:]:
        total += matrix
    total /= len(matrices)
    if np.isnan(total).any():
        stack = np.stack(matrices)
        known = np.isfinite(stack)
        with np.errstate(invalid="ignore"):
            total = np.where(known, stack, 0.0).sum(axis=0) / known.sum(axis=0)
    return np.asarray(total, dtype=np.float64)
