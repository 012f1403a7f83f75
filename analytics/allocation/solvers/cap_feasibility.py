"""Whether caps can hold the budget, and imposing them on a recipe.

See docs/method/08-allocation.md#8.3.
"""

from __future__ import annotations

import numpy as np

from analytics._typing import BoolVector, FloatVector
from analytics.allocation.errors import CapInfeasibleError
from analytics.allocation.solvers.certificates import TIE_TOLERANCE

#: Caps that miss the budget by less than this hold it exactly (K * cap = 1 in floating point).
CAPACITY_TOLERANCE = 1e-9


def placeable_budget(upper: FloatVector, budget: float, *, is_partial_allowed: bool, noun: str = "assets") -> float:
    """The weight that the caps can hold: the budget, or less where that is allowed.

    Raises
    ------
    CapInfeasibleError
        When the caps hold less than the budget and nothing may stay uninvested.
    """
    capacity = float(upper.sum())
    if capacity >= budget - CAPACITY_TOLERANCE:
        return budget
    if is_partial_allowed:
        return capacity
    raise CapInfeasibleError(cap=float(upper.max()), count=upper.size, capacity=capacity, budget=budget, noun=noun)


def leaves_no_choice(upper: FloatVector, budget: float) -> bool:
    """Whether the caps admit a single answer: every weight at its cap."""
    return float(upper.sum()) <= budget + CAPACITY_TOLERANCE


def impose_caps(weights: FloatVector, upper: FloatVector) -> tuple[FloatVector, BoolVector]:
    """Cut weights to their caps and hand the excess to the others in proportion, until none is above.

    Parameters
    ----------
    weights : (N,)
        Nonnegative.
    upper : (N,)
        Caps whose sum is at least that of the weights.

    Returns
    -------
    The weights (N,), same sum, and which of them were cut (N,). Where the others hold nothing, they take what is left
    in proportion to their caps.
    """
    total = float(weights.sum())
    cut = weights > upper * (1.0 + TIE_TOLERANCE)
    capped = cut.copy()
    answer = weights
    while cut.any():
        rest = total - float(upper[capped].sum())
        others = np.where(capped, 0.0, weights)
        if float(others.sum()) <= 0.0:
            others = np.where(capped, 0.0, upper)
        room = float(others.sum())
        if room <= 0.0:
            return np.where(capped, upper, 0.0) * (total / float(upper.sum())), capped
        answer = np.where(capped, upper, others * (rest / room))
        cut = ~capped & (answer > upper * (1.0 + TIE_TOLERANCE))
        capped = capped | cut
    return answer, capped
