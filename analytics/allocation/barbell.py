"""A small sleeve of convex clusters beside a core, insulated from it.

See docs/method/08-allocation.md#8.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from analytics._typing import BoolVector, FloatVector, IntVector
from analytics.allocation.solvers.certificates import TIE_TOLERANCE
from analytics.errors import InfeasibleError

#: Share of the invested weight that the aggressor sleeve takes in each regime.
AGGRESSOR_SHARE: Mapping[str, float] = MappingProxyType(
    {"QUIET": 0.15, "NORMAL": 0.10, "TURBULENT": 0.08, "CRISIS": 0.05}
)
MOST_AGGRESSORS = 5


def choose_aggressors(
    convexities: FloatVector, member_cluster: IntVector, identities: tuple[str, ...], upper: FloatVector, share: float
) -> BoolVector:
    """Which clusters form the aggressor sleeve.

    The most convex first, at most five and at most a third of K. Clusters that share an identity enter together or not
    at all, so that no identity stands in both sleeves.

    Parameters
    ----------
    convexities : (K,)
        Of the cluster streams.
    member_cluster : (N,)
        Column (0..K-1) of each instrument's cluster.
    identities : (N,)
    upper : (K,)
        Caps of the clusters.
    share : weight of the sleeve.

    Returns
    -------
    (K,)

    Raises
    ------
    InfeasibleError
        Fewer than three clusters, no group of clusters small enough to stand apart, or caps too small for the sleeve.
    """
    count = convexities.size
    most = min(MOST_AGGRESSORS, count // 3)
    if most == 0:
        message = (
            f"barbell: the aggressor sleeve may take at most a third of the clusters, and K = {count}. Ways out: at "
            "least three clusters (a lower cluster threshold), or another risk profile"
        )
        raise InfeasibleError(message)
    families = _families(member_cluster, identities, count)
    chosen = np.zeros(count, dtype=np.bool_)
    for cluster in np.argsort(-convexities, kind="stable"):
        family = families == families[cluster]
        if not chosen[cluster] and chosen.sum() + family.sum() <= most:
            chosen |= family
    if not chosen.any():
        message = (
            f"barbell: shared identities tie the clusters into groups larger than the {most} that a third of K = "
            f"{count} allows. Ways out: merge venues of one identity before selection, or another risk profile"
        )
        raise InfeasibleError(message)
    each = share / int(chosen.sum())
    tight = np.flatnonzero(chosen & (upper < each - TIE_TOLERANCE))
    if tight.size:
        message = (
            f"barbell: each of {int(chosen.sum())} aggressor clusters takes {each:.4g}, above a cap of "
            f"{upper[tight[0]]:.4g}. Ways out: raise the cap, or more clusters"
        )
        raise InfeasibleError(message)
    return chosen


def _families(member_cluster: IntVector, identities: tuple[str, ...], count: int) -> IntVector:
    """Label (K,) of the set of clusters that each cluster is tied to by shared identities."""
    labels = np.arange(count)
    first_seen: dict[str, int] = {}
    for cluster, identity in zip(member_cluster.tolist(), identities, strict=True):
        home = first_seen.setdefault(identity, cluster)
        if labels[home] != labels[cluster]:
            labels[labels == labels[cluster]] = labels[home]
    return labels
