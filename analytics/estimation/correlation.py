"""Correlation of pairs, of held streams, and the distance that clusters are made from.

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
    """Held correlation and distance, each the mean over the lookbacks in which the pair is known.

    Attributes
    ----------
    correlation : (N, N)
        Held correlation in [-1, 1]; NaN where no lookback knows the pair.
    distance : (N, N)
        In [0, 1]; NaN likewise.
    lookbacks
        Sessions of the lookbacks that fitted.
    """

    correlation: FloatMatrix
    distance: FloatMatrix
    lookbacks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DenseSubset:
    """Instruments that stay in the matrix, in its order, and the reason of each that left."""

    kept: IntVector
    excluded: tuple[tuple[str, str], ...]


def pairwise_correlation(
    past_returns: ArrayLike, min_overlap: int = MIN_OVERLAP, *, names: Sequence[str] | None = None
) -> FloatMatrix:
    """Pearson correlation of each pair on its common sessions.

    See docs/method/03-dependence.md#3.1.

    Parameters
    ----------
    past_returns : (T, N)
        Physical simple returns; NaN for NULL.

    Returns
    -------
    (N, N)
        1 on the diagonal; NaN for a pair with fewer than `min_overlap` common sessions or without variation there.

    Raises
    ------
    InputError
        Infinite returns, repeated names, an instrument without returns or without variation.
    ShortHistoryError
        Fewer than two sessions.
    """
    panel = check_panel(past_returns, names)
    refuse_unusable(panel)
    return window_correlation(panel.returns, min_overlap, is_complete=panel.is_complete)


def window_correlation(returns: FloatMatrix, min_overlap: int, *, is_complete: bool | None = None) -> FloatMatrix:
    """`pairwise_correlation` of a window whose panel was checked; a column without variation in it gets NaN."""
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
    """Correlation of held streams: rho_ij * direction_i * direction_j.

    See docs/method/03-dependence.md#3.2.

    Parameters
    ----------
    correlation : (N, N)
        Of physical returns.
    directions : (N,)
        +1 or -1.
    """
    signs = check_directions(directions, [f"column {column}" for column in range(correlation.shape[0])])
    if (signs > 0.0).all():
        return correlation
    return np.asarray(correlation * np.outer(signs, signs), dtype=np.float64)


def correlation_distance(correlation: FloatMatrix) -> FloatMatrix:
    """Distance sqrt((1 - rho) / 2), in [0, 1]; NaN stays NaN.

    See docs/method/03-dependence.md#3.4.
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
    """Mean distance of held streams over the lookbacks that fit.

    See docs/method/03-dependence.md#3.4.

    A lookback fits when the panel is at least as long. When none does, the whole panel is the one lookback; the
    result names the lookbacks used. Columns without returns or variation have NaN pairs; `exclude_sparse` names them.

    Parameters
    ----------
    past_returns : (T, N)
        Physical simple returns, the last row the most recent; NaN for NULL.
    directions : (N,)
        +1 or -1.

    Raises
    ------
    InputError
        Infinite returns, wrong directions, a lookback below `min_overlap` or not whole.
    ShortHistoryError
        Fewer sessions than `min_overlap`.
    """
    panel = check_panel(past_returns, names, min_sessions=max(2, min_overlap))
    signs = check_directions(directions, panel.symbols)
    lookbacks = integer_lookbacks(lookbacks)
    if not lookbacks or min(lookbacks) < min_overlap:
        raise InputError(f"Lookbacks {tuple(lookbacks)} must each hold at least min_overlap = {min_overlap} sessions.")
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
    """Lookbacks as integers; InputError for one that is not a whole number of sessions."""
    fractional = [lookback for lookback in lookbacks if not float(lookback).is_integer()]
    if fractional:
        raise InputError(f"A lookback is a whole number of sessions, not {fractional[0]!r}.")
    return tuple(int(lookback) for lookback in lookbacks)


def exclude_sparse(correlation: FloatMatrix, symbols: Sequence[str]) -> DenseSubset:
    """Remove instruments with more than half of their pairs NULL.

    See docs/method/03-dependence.md#3.1.

    The worst leaves first, ties the later name, and the shares are counted anew, so that one empty instrument does
    not take the others with it; the answer does not depend on the order of the instruments.

    Parameters
    ----------
    correlation : (N, N)
        NaN for NULL pairs.
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
