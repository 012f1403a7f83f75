"""Layer 2: what each cluster holds, and the return stream it earns.

See docs/method/08-allocation.md#8.1.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from analytics._typing import BoolMatrix, FloatMatrix, FloatVector, IntVector
from analytics.allocation.errors import AllocationInputError
from analytics.panel import moves


def blend_members(
    past_returns: FloatMatrix,
    directions: IntVector,
    cluster_ids: IntVector,
    symbols: tuple[str, ...],
    *,
    alpha_weighting: bool = True,
) -> FloatMatrix:
    """Share of its cluster that each instrument takes.

    See docs/method/08-allocation.md#8.1.

    b = 0.5 * inverse variance + 0.5 * momentum rank, each normalised to 1 over the members; momentum is the mean held
    return, ranked 1, 2 ... among the members, ties averaged. Without `alpha_weighting` inverse variance alone.
    Production and the tournament both call this.

    Parameters
    ----------
    past_returns : (T, N)
        Physical, NaN for NULL; each instrument counts with its own history (docs/method/02-returns.md#2.4).
    directions : (N,)
        +1 or -1.
    cluster_ids : (N,)
    symbols : (N,)
        For messages.

    Returns
    -------
    (N, K)
        B: columns in ascending order of cluster id, each summing to 1.

    Raises
    ------
    AllocationInputError
        A member without two returns, or whose returns never change.
    """
    known = np.isfinite(past_returns)
    counts = known.sum(axis=0)
    if np.any(counts < 2):
        place = int(np.argmin(counts))
        message = f"{symbols[place]} has {counts[place]} returns in the window; two are the least a variance needs"
        raise AllocationInputError(message)
    filled = np.where(known, past_returns, 0.0)
    means = filled.sum(axis=0) / counts
    variances = (np.where(known, past_returns - means, 0.0) ** 2).sum(axis=0) / (counts - 1)
    still = np.flatnonzero(~moves(np.fmin.reduce(past_returns), np.fmax.reduce(past_returns)))
    if still.size:
        message = f"the returns of {symbols[still[0]]} never change, so it has no inverse variance; do not select it"
        raise AllocationInputError(message)
    clusters = np.unique(cluster_ids)
    blend = np.zeros((cluster_ids.size, clusters.size))
    for column, cluster in enumerate(clusters):
        members = np.flatnonzero(cluster_ids == cluster)
        share = _normalized(1.0 / variances[members])
        if alpha_weighting:
            ranks = rankdata(means[members] * directions[members])
            share = 0.5 * share + 0.5 * _normalized(ranks)
        blend[members, column] = share / share.sum()
    return blend


def _normalized(values: FloatVector) -> FloatVector:
    return values / float(values.sum())


def lifetimes(past_returns: FloatMatrix) -> BoolMatrix:
    """(T, N) whether a session lies between an instrument's first and last return."""
    known = np.isfinite(past_returns)
    begun = np.logical_or.accumulate(known, axis=0)
    unfinished = np.logical_or.accumulate(known[::-1], axis=0)[::-1]
    return np.asarray(begun & unfinished)


def cluster_streams(past_returns: FloatMatrix, directions: IntVector, blend: FloatMatrix) -> FloatMatrix:
    """Return of each cluster's held members, (T, K).

    See docs/method/08-allocation.md#8.1.

    A member earns 0 on a NULL within its life (docs/method/02-returns.md#2.3: its market was closed, and the next
    return spans it).
    Before its listing and after its end the other members carry the cluster in proportion. NaN where no member has a
    return.

    Parameters
    ----------
    past_returns : (T, N)
        Physical, NaN for NULL.
    directions : (N,)
        +1 or -1.
    blend : (N, K)
        B of `blend_members`.
    """
    known = np.isfinite(past_returns)
    held = np.where(known, past_returns * directions, 0.0)
    if known.all():
        return held @ blend
    present = lifetimes(past_returns) @ blend
    traded = known.astype(np.float64) @ (blend > 0.0)
    streams = np.full(present.shape, np.nan)
    np.divide(held @ blend, present, out=streams, where=(present > 0.0) & (traded > 0.0))
    return streams
