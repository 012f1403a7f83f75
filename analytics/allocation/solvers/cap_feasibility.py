"""Check that caps can hold the budget, and impose caps on closed-form weights.

See docs/method/08-allocation.md#8.3.
"""

from __future__ import annotations

import numpy as np

from analytics._typing import BoolVector, FloatVector
from analytics.allocation.errors import CapInfeasibleError
from analytics.allocation.solvers.certificates import TIE_TOLERANCE

#: Caps that miss the budget by less than this hold it exactly (K * cap = 1 in floating point).
CAPACITY_TOLERANCE = 1e-9


def investable_budget(upper: FloatVector, budget: float, *, is_partial_allowed: bool, noun: str = "assets") -> float:
    """Return the weight that the caps can hold: the budget, or less where that is allowed.

    See docs/method/08-allocation.md#8.3.

    Parameters
    ----------
    upper : (N,)
        Caps.
    budget : float
        Weight to be invested.
    is_partial_allowed : bool
        Invest what the caps hold where that is less than the budget.
    noun : str
        Used in the message for the capped items.

    Returns
    -------
    float

    Raises
    ------
    CapInfeasibleError
        When the caps hold less than the budget and a partial investment is not allowed.

    Examples
    --------
    >>> investable_budget(np.full(4, 0.2), 1.0, is_partial_allowed=True)
    0.8
    >>> investable_budget(np.full(4, 0.3), 1.0, is_partial_allowed=False)
    1.0
    """
    capacity = float(upper.sum())
    if capacity >= budget - CAPACITY_TOLERANCE:
        return budget
    if is_partial_allowed:
        return capacity
    raise CapInfeasibleError(cap=float(upper.max()), count=upper.size, capacity=capacity, budget=budget, noun=noun)


def caps_fix_the_weights(upper: FloatVector, budget: float) -> bool:
    """Check for caps that sum to the budget, so that every weight must be at its cap.

    Parameters
    ----------
    upper : (N,)
        Caps.
    budget : float
        Weight to be invested.

    Returns
    -------
    bool

    Examples
    --------
    >>> caps_fix_the_weights(np.full(4, 0.25), 1.0), caps_fix_the_weights(np.full(4, 0.3), 1.0)
    (True, False)
    """
    return float(upper.sum()) <= budget + CAPACITY_TOLERANCE


def impose_caps(weights: FloatVector, upper: FloatVector) -> tuple[FloatVector, BoolVector]:
    """Cut weights to their caps and distribute the excess to the others in proportion, until none is above its cap.

    See docs/method/08-allocation.md#8.2.

    Parameters
    ----------
    weights : (N,)
        Nonnegative.
    upper : (N,)
        Caps whose sum is at least that of the weights.

    Returns
    -------
    weights : (N,)
        With the same sum. Where the others hold nothing, they take the excess in proportion to their caps.
    is_cut : (N,)
        True for the weights at their cap because of it.

    Examples
    --------
    >>> weights, is_cut = impose_caps(np.array([0.6, 0.3, 0.1]), np.full(3, 0.4))
    >>> weights.round(4).tolist(), is_cut.tolist()
    ([0.4, 0.4, 0.2], [True, True, False])
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
        others_total = float(others.sum())
        if others_total <= 0.0:
            return np.where(capped, upper, 0.0) * (total / float(upper.sum())), capped
        answer = np.where(capped, upper, others * (rest / others_total))
        cut = ~capped & (answer > upper * (1.0 + TIE_TOLERANCE))
        capped = capped | cut
    return answer, capped
