"""Quadratic programs with separable piecewise-linear terms, by a primal-dual active set.

The method is the semismooth Newton iteration on y = prox(y + tau (nu - gradient)) (Hintermueller, Ito and Kunisch
2002, there for boxes): every weight is either pinned to a knot or free inside a piece, the free ones solve one linear
system, and the pattern is read anew from the answer. It ends when the answer confirms its pattern, which is the exact
optimum. Where whole jumps lead back to a pattern already seen, every weight moves by one knot or piece at a time from
then on; should that return to a pattern as well, the result says that it did not settle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError
from scipy.linalg.lapack import dposv

from analytics._typing import FloatMatrix, FloatVector, IntVector
from analytics.allocation.pieces import Pieces, QuadraticForm

MAX_ITERATIONS = 300


@dataclass(frozen=True, slots=True)
class ActiveSetResult:
    """Where the iteration ended.

    Parameters
    ----------
    weights : (N,)
    tilt : the multiplier of the linear and piecewise-linear part; given, or found when the tangency was asked for.
    iterations : linear systems solved.
    is_settled : whether the answer confirmed its pattern, so that the weights are optimal.
    """

    weights: FloatVector
    tilt: float
    iterations: int
    is_settled: bool


def _thresholds(pieces: Pieces, step: FloatVector, tilt: float) -> FloatMatrix:
    """(N, 2M - 2): between which values of z = y + step * pull the prox stays on each knot or piece."""
    scaled = tilt * step[:, None] * pieces.slopes
    out = np.empty((pieces.knots.shape[0], 2 * pieces.slopes.shape[1]))
    out[:, 0::2] = pieces.knots[:, :-1] + scaled
    out[:, 1::2] = pieces.knots[:, 1:] + scaled
    return out


@dataclass(slots=True)
class _Face:
    """The affine piece of the problem that one pattern selects, solved for both right-hand sides.

    On it the optimal weights are base + tilt * slope, with the multiplier nu of the budget eliminated.
    """

    free: IntVector
    base: FloatVector
    slope: FloatVector
    multiplier_base: float
    multiplier_slope: float


def _solve_face(form: QuadraticForm, pattern: IntVector) -> _Face:
    covariance, pieces = form.covariance, form.pieces
    free = np.flatnonzero(pattern & 1)
    base = pieces.knots[np.arange(pattern.size), pattern >> 1]
    base[free] = 0.0
    if free.size == 0:
        return _Face(free, base, np.zeros_like(base), np.nan, np.nan)
    held = np.flatnonzero(base)
    right = np.empty((free.size, 3), order="F")
    right[:, 0] = covariance[np.ix_(free, held)] @ -base[held] if held.size else 0.0
    right[:, 1] = -(form.cost[free] + pieces.slopes[free, pattern[free] >> 1])
    right[:, 2] = 1.0
    block = covariance if free.size == pattern.size else covariance[np.ix_(free, free)]
    _, answer, info = dposv(block.T, right, lower=1)
    if info != 0:
        message = f"the covariance of {free.size} assets is singular"
        raise LinAlgError(message)
    total = answer.sum(axis=0)
    multiplier_base = (form.budget - base.sum() - total[0]) / total[2]
    multiplier_slope = -total[1] / total[2]
    base[free] = answer[:, 0] + multiplier_base * answer[:, 2]
    slope = np.zeros_like(base)
    slope[free] = answer[:, 1] + multiplier_slope * answer[:, 2]
    return _Face(free, base, slope, float(multiplier_base), float(multiplier_slope))


def _one_factor_guess(covariance: FloatMatrix, appeal: FloatVector, budget: float) -> FloatVector:
    """Guess the weights from the one-factor model of the covariance.

    In that model the long-only answer is a cut-off rule (Elton, Gruber and Padberg 1976): hold what has the most
    appeal for its loading. A good first guess spares the large linear systems.
    """
    count = appeal.size
    variance = covariance.diagonal()
    loading = covariance.sum(axis=0)
    for _ in range(2):
        length = float(np.linalg.norm(loading))
        if length <= 1e-9 * float(variance.mean()):
            return np.full(count, budget / count)
        direction = loading / length
        loading = covariance @ direction
    loading /= np.sqrt(max(float(direction @ loading), 1e-12 * float(variance.mean())))
    own = np.maximum(variance - loading**2, 0.05 * np.maximum(variance, 1e-9 * variance.mean()))
    gain = np.full(count, np.inf)
    np.divide(appeal, loading, out=gain, where=loading > 1e-9 * float(np.abs(loading).max()))
    order = np.argsort(-gain)
    strength = np.cumsum((loading * appeal / own)[order]) / (1.0 + np.cumsum((loading**2 / own)[order]))
    inside = np.flatnonzero(gain[order] > strength)
    cut = strength[inside[-1]] if inside.size else 0.0
    weights = np.maximum(appeal - cut * loading, 0.0) / own
    total = weights.sum()
    return np.asarray(weights * (budget / total) if total > 0.0 else np.full(count, budget / count))


def _pattern_of(weights: FloatVector, pieces: Pieces) -> IntVector:
    """2j where a weight is at knot j, 2j + 1 where it is free between knots j and j + 1."""
    near = 1e-8 * weights.max(initial=0.0)
    below = (pieces.knots < (weights - near)[:, None]).sum(axis=1)
    reached = (pieces.knots <= (weights + near)[:, None]).sum(axis=1)
    last = pieces.knots.shape[1] - 1
    return np.asarray(np.clip(below + reached - 1, 0, 2 * last), dtype=np.int64)


def _linear_reward(form: QuadraticForm, face: _Face, pattern: IntVector) -> float:
    """The reward at the face's base, phi continued along the face's own pieces."""
    pieces = form.pieces
    anchor = pieces.knots[np.arange(pattern.size), pattern >> 1]
    slopes = pieces.slopes[face.free, pattern[face.free] >> 1]
    beyond = slopes @ (face.base[face.free] - anchor[face.free])
    return -float(form.cost @ face.base) - pieces.value(anchor) - float(beyond) - form.required


def _multiplier_of_vertex(
    weights: FloatVector, gradient: FloatVector, thresholds: FloatMatrix, step: FloatVector, budget: float
) -> float:
    """The multiplier nu whose prox step meets the budget, for a pattern without free weights.

    The sum of the prox step grows with nu and bends where a weight enters or leaves a piece, so the sums at the sorted
    bends give nu exactly; inside an interval of equal sums the middle is taken, which leaves an optimal vertex where
    it is.
    """
    reach = (thresholds - weights[:, None]) / step[:, None] + gradient[:, None]
    has_length = thresholds[:, 1::2] > thresholds[:, 0::2]
    rates = np.broadcast_to(step[:, None], has_length.shape)[has_length]
    bends = np.concatenate([reach[:, 0::2][has_length], reach[:, 1::2][has_length]])
    order = np.argsort(bends, kind="stable")
    bends = bends[order]
    growth = np.cumsum(np.concatenate([rates, -rates])[order])[:-1]
    sums = np.concatenate([[0.0], np.cumsum(growth * np.diff(bends))])
    ends = []
    for target in (budget * (1.0 - 1e-12), budget * (1.0 + 1e-12)):
        place = int(np.searchsorted(sums, target))
        if 0 < place < bends.size:
            ends.append(bends[place - 1] + (target - sums[place - 1]) / growth[place - 1])
        else:
            ends.append(bends[min(place, bends.size - 1)])
    return float(0.5 * (ends[0] + ends[1]))


def minimize(form: QuadraticForm, *, tilt: float | None) -> ActiveSetResult:
    """Minimise 1/2 y'Sy + tilt (cost'y + phi(y)) over sum y = budget.

    With `tilt` None the tangency is found instead: the tilt at which reward(y) / sqrt(y'Sy) is largest. On one face the
    optimum lies at tilt = (y0'S y0) / reward(y0), y0 the face's answer at tilt 0, so it is read off in passing.

    Raises
    ------
    scipy.linalg.LinAlgError
        When the covariance of the free weights is singular.
    """
    covariance, cost, pieces = form.covariance, form.cost, form.pieces
    appeal = np.ones_like(cost) if tilt is not None else -cost - pieces.slopes[:, 0] - form.required / form.budget
    pattern = _pattern_of(_one_factor_guess(covariance, appeal, form.budget), pieces)
    variances = covariance.diagonal()
    step = 1.0 / np.maximum(variances, 1e-12 * variances.mean())
    weights, current = np.zeros_like(cost), tilt or 0.0
    seen: set[bytes] = set()
    is_careful = False
    for iteration in range(1, MAX_ITERATIONS + 1):
        key = pattern.tobytes()
        if key in seen:
            if is_careful:
                return ActiveSetResult(weights, current, iteration - 1, is_settled=False)
            is_careful, seen = True, set()
        seen.add(key)
        face = _solve_face(form, pattern)
        if tilt is None:
            reward, variance = _linear_reward(form, face, pattern), form.variance(face.base)
            current = variance / reward if reward > 0.0 else max(4.0 * current, 1e-3 * variance)
        weights = face.base + current * face.slope
        gradient = covariance @ weights + current * cost
        thresholds = _thresholds(pieces, step, current)
        if face.free.size:
            multiplier = face.multiplier_base + current * face.multiplier_slope
        else:
            multiplier = _multiplier_of_vertex(weights, gradient, thresholds, step, form.budget)
        position = weights + step * (multiplier - gradient)
        found = (position[:, None] > thresholds).sum(axis=1)
        if np.array_equal(found, pattern):
            return ActiveSetResult(weights, current, iteration, is_settled=True)
        pattern = pattern + np.sign(found - pattern) if is_careful else found
    return ActiveSetResult(weights, current, MAX_ITERATIONS, is_settled=False)
