"""Solve quadratic programs with separable piecewise-linear terms and group caps by a primal-dual active set.

The method is the semismooth Newton iteration on y = prox(y + tau (nu - gradient)) (Hintermueller, Ito and Kunisch
2002, there for boxes). Every weight is either fixed at a knot or free inside a piece, and every group is tight or
loose; the free weights solve one linear system, and the next pattern follows from its solution. The iteration ends when
the solution confirms its pattern, which is the exact optimum. Where whole steps return to an earlier pattern, every
weight moves by one knot or piece at a time from then on; if that returns to an earlier pattern as well, the result says
that the iteration did not settle.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import LinAlgError
from scipy.linalg.lapack import dposv

from analytics._typing import BoolVector, FloatMatrix, FloatVector, IntVector
from analytics.allocation.solvers.certificates import TIE_TOLERANCE
from analytics.allocation.solvers.group_caps import Groups, KeptSums
from analytics.allocation.solvers.piecewise_linear import Pieces, QuadraticForm
from analytics.allocation.solvers.starting_weights import guess_weights

MAX_ITERATIONS = 300
#: A group this near to its limit is taken for tight at the start.
NEAR_LIMIT = 1e-8


@dataclass(frozen=True, slots=True)
class ActiveSetResult:
    """Last iterate of the active set.

    Attributes
    ----------
    weights : (N,)
    group_multipliers : (J,)
        Of the groups' limits, for the objective 1/2 y'Sy + tilt (...); zero where a group is loose.
    iterations : int
        Linear systems solved.
    is_settled : bool
        The solution confirmed its pattern, so the weights are optimal.
    """

    weights: FloatVector
    group_multipliers: FloatVector
    iterations: int
    is_settled: bool


def _thresholds(pieces: Pieces, step: FloatVector, tilt: float) -> FloatMatrix:
    """Values (2M - 2, N) of z = y + step * pull between which the prox stays on each knot or piece."""
    scaled = tilt * step * pieces.slopes.T
    out = np.empty((2 * scaled.shape[0], step.size))
    out[0::2] = pieces.knots.T[:-1] + scaled
    out[1::2] = pieces.knots.T[1:] + scaled
    return out


@dataclass(slots=True)
class _Pins:
    """Weights (N,) fixed at knots, zero where free, and their gradient S y (N,)."""

    weights: FloatVector
    gradient: FloatVector

    def moved(self, form: QuadraticForm, weights: FloatVector) -> _Pins:
        """Fix other weights; the gradient costs only the rows of those that changed."""
        if (weights == self.weights).all():
            return self
        return _Pins(weights, self.gradient + form.product(weights - self.weights))


@dataclass(slots=True)
class _Face:
    """Affine piece of the problem that one pattern selects, solved for both right-hand sides.

    On it the optimal weights are base + tilt * slope (N,), their gradient S y is the sum of both gradients (N,), and
    the multipliers of the sums are the sum of both multipliers (k,); a sum without free weights has none (NaN).
    """

    pins: _Pins
    free: IntVector
    base: FloatVector
    slope: FloatVector
    base_gradient: FloatVector
    slope_gradient: FloatVector
    base_multipliers: FloatVector
    slope_multipliers: FloatVector


def _solve_face(form: QuadraticForm, pattern: IntVector, kept: KeptSums, pins: _Pins) -> _Face:
    covariance, pieces, count = form.covariance, form.pieces, kept.targets.size
    free = (pattern & 1).nonzero()[0]
    pinned = pieces.knots[np.arange(pattern.size), pattern >> 1]
    pinned[free] = 0.0
    pins = pins.moved(form, pinned)
    slope = np.zeros(pinned.size)
    multipliers = np.full((count, 2), np.nan)
    if free.size == 0:
        return _Face(pins, free, pinned, slope, pins.gradient, slope, multipliers[:, 0], multipliers[:, 1])
    counted = kept.rows[:, free]
    right = np.empty((free.size, 2 + count), order="F")
    right[:, 0] = -pins.gradient[free]
    right[:, 1] = -(form.cost[free] + pieces.slopes[free, pattern[free] >> 1])
    right[:, 2:] = counted.T
    rows = covariance if free.size == pattern.size else covariance[free]
    _, answer, info = dposv(rows[:, free].T, right, lower=1)
    if info != 0:
        message = f"the covariance of {free.size} assets is singular"
        raise LinAlgError(message)
    has_free = np.asarray(counted.any(axis=1)).nonzero()[0]
    sums = counted[has_free] @ answer
    missing = -sums[:, :2]
    missing[:, 0] += (kept.targets - kept.rows @ pinned)[has_free]
    _, multipliers[has_free], info = dposv(sums[:, 2 + has_free], missing)
    if info != 0:
        message = "the tight group caps depend on each other"
        raise LinAlgError(message)
    found = (answer[:, :2] + answer[:, 2 + has_free] @ multipliers[has_free]).T
    base = pinned.copy()
    base[free], slope[free] = found
    moved = found @ rows
    return _Face(pins, free, base, slope, pins.gradient + moved[0], moved[1], multipliers[:, 0], multipliers[:, 1])


def _pattern_of(weights: FloatVector, pieces: Pieces) -> IntVector:
    """Pattern (N,): 2j where a weight is at knot j, 2j + 1 where it is free between knots j and j + 1."""
    near = 1e-8 * weights.max(initial=0.0)
    below = (pieces.knots < (weights - near)[:, None]).sum(axis=1)
    reached = (pieces.knots <= (weights + near)[:, None]).sum(axis=1)
    last = pieces.knots.shape[1] - 1
    return np.asarray(np.clip(below + reached - 1, 0, 2 * last), dtype=np.int64)


def _linear_reward(form: QuadraticForm, face: _Face, pattern: IntVector) -> float:
    """Reward at the base of the face, with phi continued along the pieces of the face."""
    pieces = form.pieces
    anchor = pieces.knots[np.arange(pattern.size), pattern >> 1]
    slopes = pieces.slopes[face.free, pattern[face.free] >> 1]
    beyond = slopes @ (face.base[face.free] - anchor[face.free])
    return -float(form.cost @ face.base) - pieces.value(anchor) - float(beyond) - form.required


def _multiplier_of_vertex(
    weights: FloatVector, gradient: FloatVector, thresholds: FloatMatrix, step: FloatVector, budget: float
) -> float:
    """Multiplier nu whose prox step meets the budget, for a pattern without free weights.

    The sum of the prox step grows with nu and bends where a weight enters or leaves a piece, so the sums at the sorted
    bends give nu exactly. In an interval of equal sums the middle is taken, which keeps an optimal vertex.
    """
    reach = (thresholds - weights) / step + gradient
    has_length = thresholds[1::2] > thresholds[0::2]
    rates = np.broadcast_to(step, has_length.shape)[has_length]
    bends = np.concatenate([reach[0::2][has_length], reach[1::2][has_length]])
    order = np.argsort(bends, kind="stable")
    bends = bends[order]
    growth = np.cumsum(np.concatenate([rates, -rates])[order])[:-1]
    sums = np.concatenate([[0.0], np.cumsum(growth * np.diff(bends))])
    ends = []
    for target in (budget * (1.0 - TIE_TOLERANCE), budget * (1.0 + TIE_TOLERANCE)):
        position = int(np.searchsorted(sums, target))
        if 0 < position < bends.size:
            ends.append(bends[position - 1] + (target - sums[position - 1]) / growth[position - 1])
        else:
            ends.append(bends[min(position, bends.size - 1)])
    return float(0.5 * (ends[0] + ends[1]))


def _completed(
    multipliers: FloatVector,
    weights: FloatVector,
    gradient: FloatVector,
    thresholds: FloatMatrix,
    step: FloatVector,
    kept: KeptSums,
) -> FloatVector:
    """Fill in the multipliers (k,) of the sums that have no free weights, from their vertex."""
    without_free = np.isnan(multipliers).nonzero()[0]
    if not without_free.size:
        return multipliers
    if kept.labels is None:
        message = "a tight group cap has no free weight of its own"
        raise LinAlgError(message)
    for position in without_free:
        inside = np.flatnonzero(kept.labels == position)
        if inside.size:
            multipliers[position] = _multiplier_of_vertex(
                weights[inside], gradient[inside], thresholds[:, inside], step[inside], float(kept.targets[position])
            )
    # Where tight groups own every asset, the budget's multiplier is open: the least that releases none of them.
    return np.where(np.isnan(multipliers), np.nanmax(multipliers), multipliers)


@dataclass(frozen=True, slots=True)
class _Iterate:
    """Solution of a face at one tilt, with the pattern that it implies."""

    weights: FloatVector
    group_multipliers: FloatVector
    pattern: IntVector
    is_tight: BoolVector

    def key(self) -> bytes:
        """Return the pattern as a hashable key."""
        return self.pattern.tobytes() + self.is_tight.tobytes()


def _next_iterate(
    form: QuadraticForm,
    groups: Groups,
    face: _Face,
    kept: KeptSums,
    last: _Iterate,
    step: FloatVector,
    tilt: float,
) -> _Iterate:
    """The answer of the face that `last` asked for; a weight or group on the edge of its part stays in it."""
    is_tight = last.is_tight
    weights = face.base + tilt * face.slope
    gradient = face.base_gradient + tilt * (face.slope_gradient + form.cost)
    thresholds = _thresholds(form.pieces, step, tilt)
    multipliers = _completed(
        face.base_multipliers + tilt * face.slope_multipliers, weights, gradient, thresholds, step, kept
    )
    pull = multipliers @ kept.rows
    position = weights + step * (pull - gradient)
    # A free weight ties with a knot on the scale of the budget, a pinned one also on that of the pulls that cancel.
    is_pinned = (last.pattern & 1) == 0
    tie = TIE_TOLERANCE * (form.budget + is_pinned * step * (np.abs(pull) + np.abs(gradient)))
    least, most = ((position + shift > thresholds).sum(axis=0) for shift in (-tie, tie))
    pattern = np.clip(last.pattern, least, most)
    if not groups.limits.size:
        return _Iterate(weights, groups.limits, pattern, is_tight)
    pressure = np.zeros_like(groups.limits)
    pressure[is_tight] = kept.pressure(multipliers)
    is_over = groups.sums(weights) > groups.limits + TIE_TOLERANCE * form.budget
    return _Iterate(weights, np.maximum(pressure, 0.0), pattern, np.where(is_tight, pressure > 0.0, is_over))


def minimize(
    form: QuadraticForm, groups: Groups, *, tilt: float | None, start: FloatVector | None = None
) -> ActiveSetResult:
    """Minimise 1/2 y'Sy + tilt (cost'y + phi(y)) over sum y = budget and the groups' limits.

    With `tilt` None the tangency portfolio is computed instead: the tilt at which reward(y) / sqrt(y'Sy) is largest. On
    one face the optimum lies at tilt = (y0'S y0) / reward(y0), with y0 the face's solution at tilt 0, so no search is
    needed.

    Parameters
    ----------
    form : QuadraticForm
    groups : Groups
    tilt : float or None
    start : (N,), optional
        Weights near the optimum.

    Returns
    -------
    ActiveSetResult

    Raises
    ------
    scipy.linalg.LinAlgError
        When the covariance of the free weights is singular, or when the tight groups leave the weights overdetermined.

    Examples
    --------
    >>> from analytics.allocation.solvers.group_caps import read_groups
    >>> from analytics.allocation.solvers.piecewise_linear import box_pieces
    >>> form = QuadraticForm(np.diag([0.01, 0.04, 0.09]), np.zeros(3), box_pieces(np.full(3, 0.6)), budget=1.0)
    >>> result = minimize(form, read_groups(None, 3), tilt=1.0)
    >>> result.weights.round(4).tolist(), result.is_settled
    ([0.6, 0.2769, 0.1231], True)
    """
    cost, pieces = form.cost, form.pieces
    if start is None:
        appeal = np.ones_like(cost) if tilt is not None else -cost - pieces.slopes[:, 0] - form.required / form.budget
        start = guess_weights(form.covariance, appeal, form.budget)
    iterate = _Iterate(
        start, np.zeros_like(groups.limits), _pattern_of(start, pieces), groups.sums(start) > groups.limits - NEAR_LIMIT
    )
    variances = form.covariance.diagonal()
    step = 1.0 / np.maximum(variances, 1e-12 * variances.mean())
    current = tilt or 0.0
    pins = _Pins(np.zeros(cost.size), np.zeros(cost.size))
    kept = groups.kept(iterate.is_tight, form.budget)
    key, seen, is_careful = iterate.key(), set[bytes](), False
    for iteration in range(1, MAX_ITERATIONS + 1):
        if key in seen:
            if is_careful:
                return ActiveSetResult(iterate.weights, iterate.group_multipliers, iteration - 1, is_settled=False)
            is_careful, seen = True, set()
        seen.add(key)
        face = _solve_face(form, iterate.pattern, kept, pins)
        pins = face.pins
        if tilt is None:
            reward, variance = _linear_reward(form, face, iterate.pattern), float(face.base @ face.base_gradient)
            current = variance / reward if reward > 0.0 else max(4.0 * current, 1e-3 * variance)
        answer = _next_iterate(form, groups, face, kept, iterate, step, current)
        if answer.key() == key:
            inside = np.clip(answer.weights, 0.0, pieces.upper)
            return ActiveSetResult(inside, answer.group_multipliers, iteration, is_settled=True)
        if is_careful:
            nearer = iterate.pattern + np.sign(answer.pattern - iterate.pattern)
            answer = replace(answer, pattern=nearer)
        if answer.is_tight.tobytes() != iterate.is_tight.tobytes():
            kept = groups.kept(answer.is_tight, form.budget)
        iterate, key = answer, answer.key()
    return ActiveSetResult(iterate.weights, iterate.group_multipliers, MAX_ITERATIONS, is_settled=False)
