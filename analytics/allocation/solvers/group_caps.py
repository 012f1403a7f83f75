"""Group caps as sums of weights that the active set keeps fixed while a group is tight.

Caps on clusters share no asset, so every asset is in one block or in none. Then the sums of the tight blocks and of all
other assets are independent of each other, and each has a multiplier of its own even where no weight of it is free.
Caps that share assets are kept beside the budget as they are given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics._typing import BoolVector, FloatMatrix, FloatVector, IntVector
from analytics.allocation.solvers.risk_problem import GroupCaps


@dataclass(frozen=True, slots=True)
class KeptSums:
    """Equality constraints rows @ y = targets of an iterate.

    Attributes
    ----------
    rows : (k, N)
    targets : (k,)
    labels : (N,)
        The one row that each asset is in, None where rows share assets; row 0 holds the assets of no tight block.
    """

    rows: FloatMatrix
    targets: FloatVector
    labels: IntVector | None

    def pressure(self, multipliers: FloatVector) -> FloatVector:
        """Multiplier of the limit of each tight group (k - 1,), from the multipliers (k,) of the sums; negative: loosen it."""
        return -multipliers[1:] if self.labels is None else multipliers[0] - multipliers[1:]


@dataclass(frozen=True, slots=True)
class Groups:
    """Upper limits on weighted sums of assets: matrix @ y <= limits.

    Attributes
    ----------
    matrix : (J, N)
        Zeros and ones where `owner` is given.
    limits : (J,)
    heights : (J,)
        Factors by which the rows of the problem exceed these.
    owner : (N,)
        Block of each asset, 0..J-1, or J where it is in none; None where groups share assets.
    """

    matrix: FloatMatrix
    limits: FloatVector
    heights: FloatVector
    owner: IntVector | None

    def sums(self, weights: FloatVector) -> FloatVector:
        """Weight of each group (J,)."""
        if self.owner is None:
            return np.asarray(self.matrix @ weights)
        return np.bincount(self.owner, weights=weights, minlength=self.limits.size + 1)[:-1].astype(np.float64)

    def capacity(self, upper: FloatVector) -> float:
        """Sum of weights that the caps of assets (N,) and groups can hold; the largest one where groups are blocks, else 0."""
        if self.owner is None:
            return 0.0
        loose = float(upper[self.owner == self.limits.size].sum())
        return loose + float(np.minimum(self.limits, self.sums(upper)).sum())

    def kept(self, is_tight: BoolVector, budget: float) -> KeptSums:
        """Return the sums that stay fixed while some groups (J,) are tight."""
        limits = self.limits[is_tight]
        count = self.matrix.shape[1]
        if self.owner is None:
            return KeptSums(np.vstack([np.ones(count), self.matrix[is_tight]]), np.append(budget, limits), None)
        number = np.zeros(self.limits.size + 1, dtype=np.int64)
        number[:-1][is_tight] = 1 + np.arange(limits.size)
        labels = number[self.owner]
        rows = (labels == np.arange(limits.size + 1)[:, None]).astype(np.float64)
        return KeptSums(rows, np.append(budget - float(limits.sum()), limits), labels)


def read_groups(groups: GroupCaps | None, count: int) -> Groups:
    """Convert group caps to blocks where no asset is in two groups and none counts more than another.

    Parameters
    ----------
    groups : GroupCaps or None
    count : int
        Number N of assets.

    Returns
    -------
    Groups

    Examples
    --------
    >>> caps = GroupCaps(np.array([[1.0, 1.0, 0.0]]), np.array([0.5]), ("technology",))
    >>> read_groups(caps, 3).owner.tolist()
    [0, 0, 1]
    """
    if groups is None:
        return Groups(np.zeros((0, count)), np.zeros(0), np.zeros(0), np.zeros(count, dtype=np.int64))
    is_member = groups.matrix != 0.0
    sizes = is_member.sum(axis=1)
    heights = np.where(sizes > 0, groups.matrix.max(axis=1, initial=0.0), 1.0)
    is_flat = bool(np.all(groups.matrix[is_member] == np.repeat(heights, sizes)))
    if not is_flat or np.any(is_member.sum(axis=0) > 1) or np.any(groups.limits < 0.0) or np.any(heights <= 0.0):
        return Groups(groups.matrix, groups.limits, np.ones_like(groups.limits), None)
    owner = np.where(is_member.any(axis=0), is_member.argmax(axis=0), groups.limits.size)
    return Groups(is_member.astype(np.float64), groups.limits / heights, heights, owner.astype(np.int64))
