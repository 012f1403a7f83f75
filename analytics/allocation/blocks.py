"""Group caps that share no asset, which is what caps on clusters are: every asset is in one block or in none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics._typing import BoolVector, FloatVector, IntVector
from analytics.allocation.problem import GroupCaps


@dataclass(frozen=True, slots=True)
class Blocks:
    """Upper limits on the sums of disjoint blocks of assets.

    Parameters
    ----------
    owner : (N,)
        Block of each asset, 0..J-1; J where it is in none.
    limits : (J,)
    heights : (J,)
        Coefficient of the block's assets in the group cap that it stands for.
    """

    owner: IntVector
    limits: FloatVector
    heights: FloatVector

    def sums(self, weights: FloatVector) -> FloatVector:
        """Sum of the weights of each block (J,)."""
        return np.asarray(np.bincount(self.owner, weights=weights, minlength=self.limits.size + 1)[:-1])

    def capacity(self, upper: FloatVector) -> float:
        """The largest sum of weights under the caps of assets (N,) and blocks, if no limit is negative."""
        loose = float(upper[self.owner == self.limits.size].sum())
        return loose + float(np.minimum(self.limits, self.sums(upper)).sum())

    def numbered(self, is_tight: BoolVector) -> IntVector:
        """Which of the tight blocks each asset is in (N,), counted from 1; 0 where it is in none."""
        number = np.zeros(self.limits.size + 1, dtype=np.int64)
        number[:-1][is_tight] = 1 + np.arange(int(is_tight.sum()))
        return number[self.owner]


def as_blocks(groups: GroupCaps | None, count: int) -> Blocks | None:
    """The group caps as blocks; None where an asset is in two, or counts in one with another coefficient."""
    if groups is None:
        return Blocks(np.zeros(count, dtype=np.int64), np.zeros(0), np.zeros(0))
    is_member = groups.matrix != 0.0
    sizes = is_member.sum(axis=1)
    heights = np.where(sizes > 0, groups.matrix.max(axis=1, initial=0.0), 1.0)
    if np.any(is_member.sum(axis=0) > 1) or np.any(groups.limits < 0.0) or np.any(heights <= 0.0):
        return None
    if np.any(groups.matrix[is_member] != np.repeat(heights, sizes)):
        return None
    owner = np.where(is_member.any(axis=0), is_member.argmax(axis=0), groups.limits.size)
    return Blocks(np.asarray(owner, dtype=np.int64), groups.limits / heights, heights)
