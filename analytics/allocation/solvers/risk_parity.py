"""Compute weights whose risk contributions are in given proportions, with caps.

See docs/method/08-allocation.md#8.2.

Without caps: Newton's method on 1/2 y'Sy - sum beta ln y (Spinu 2013), its linear systems solved by conjugate
gradients. In relative changes of y the Hessian is diag(beta) plus a matrix whose row sums are beta at the solution, so
its condition number is about 2 and a few products with S replace a factorisation.

With caps y_k <= c_k sum y: a primal-dual interior point with dense systems.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from analytics._typing import BoolVector, FloatMatrix, FloatVector
from analytics.allocation.errors import UnboundedError
from analytics.allocation.solvers.certificates import TIE_TOLERANCE, Certificate, primal_residual
from analytics.allocation.solvers.optimum import Optimum, accepted

#: Portfolio variance, relative to the assets', below which contributions are undefined.
RISKLESS = 1e-12
NEWTON_STEPS = 60
INTERIOR_STEPS = 200
CONTRIBUTION_TOLERANCE = 1e-13
#: Largest relative error of a contribution that counts as solved.
SETTLED = 1e-9
INTERIOR_TOLERANCE = 1e-12
SHARPENING_STEPS = 4
CANCELLING = (
    "risk parity: some long-only combination within the caps has no variance, so no portfolio has contributions in the "
    "given proportions. Leave out one of the assets that cancel each other, or shrink the covariance"
)
#: A weight this near to its cap, as a share of the total, counts as on it.
CAP_TOLERANCE = 1e-9


def contributions(weights: FloatVector, covariance: FloatMatrix) -> FloatVector:
    """Compute the share of the portfolio's variance that each asset contributes.

    See docs/method/08-allocation.md#8.4.

    Parameters
    ----------
    weights : (N,)
    covariance : (N, N)

    Returns
    -------
    (N,)
        Sum 1; zeros where the portfolio has no variance.

    Examples
    --------
    >>> contributions(np.array([0.5, 0.5]), np.diag([0.01, 0.04])).round(4).tolist()
    [0.2, 0.8]
    """
    pull = weights * (covariance @ weights)
    total = float(pull.sum())
    return pull / total if total > 0.0 else np.zeros_like(pull)


def _conjugate_gradients(
    covariance: FloatMatrix, scale: FloatVector, budgets: FloatVector, right: FloatVector, tolerance: float
) -> FloatVector:
    """Solve (D S D + diag(budgets)) x = right, D = diag(scale), preconditioned by its diagonal."""
    inverse = 1.0 / (scale**2 * covariance.diagonal() + budgets)
    answer = np.zeros_like(right)
    residual = right.copy()
    direction = inverse * residual
    energy = float(residual @ direction)
    goal = tolerance**2 * energy
    for _ in range(4 * right.size + 20):
        if energy <= goal:
            break
        image = scale * (covariance @ (scale * direction)) + budgets * direction
        curvature = float(direction @ image)
        if curvature <= 0.0:
            break
        length = energy / curvature
        answer += length * direction
        residual -= length * image
        pulled = inverse * residual
        previous, energy = energy, float(residual @ pulled)
        direction = pulled + (energy / previous) * direction
    return answer


def _step_length(change: FloatVector, budgets: FloatVector, slope: float, curvature: float) -> float:
    """Minimise the objective along weights * (1 + length * change) by a safeguarded Newton method in one variable."""
    steepest = float(-change.min())
    low, high = 0.0, 1.0 / steepest if steepest > 0.0 else np.inf
    length = min(1.0, 0.9 * high)
    for _ in range(50):
        ratio = change / (1.0 + length * change)
        derivative = slope + length * curvature - float(budgets @ ratio)
        low, high = (length, high) if derivative < 0.0 else (low, length)
        updated = length - derivative / (curvature + float(budgets @ ratio**2))
        if not low < updated < high:
            updated = 0.5 * (low + high) if np.isfinite(high) else 2.0 * length
        if abs(updated - length) <= 1e-3 * length:
            return updated
        length = updated
    return length


def equalize(covariance: FloatMatrix, budgets: FloatVector) -> tuple[FloatVector, int]:
    """Solve y_k (Sy)_k = beta_k for y > 0 by Newton's method (Spinu 2013).

    See docs/method/08-allocation.md#8.2.

    Parameters
    ----------
    covariance : (N, N)
        Positive diagonal.
    budgets : (N,)
        beta; positive, sum 1.

    Returns
    -------
    weights : (N,)
        Not normalised to a sum.
    steps : int
        Newton steps.

    Raises
    ------
    UnboundedError
        When a long-only combination without variance leaves no solution.

    Examples
    --------
    >>> weights, _ = equalize(np.diag([0.01, 0.04]), np.array([0.5, 0.5]))
    >>> (weights / weights.sum()).round(4).tolist()
    [0.6667, 0.3333]
    """
    weights = np.sqrt(budgets) / np.sqrt(covariance.diagonal())
    image = covariance @ weights
    scale = 1.0 / np.sqrt(max(float(weights @ image), RISKLESS))
    weights, image = scale * weights, scale * image
    runaway = float(weights.max()) / RISKLESS
    best, steps = np.inf, 0
    while steps < NEWTON_STEPS:
        gradient = weights * image - budgets
        error = float(np.abs(gradient / budgets).max())
        if error <= CONTRIBUTION_TOLERANCE or (error < SETTLED and error >= 0.5 * best) or not np.isfinite(error):
            break
        if float(weights.max()) > runaway:
            break
        best, steps = error, steps + 1
        change = _conjugate_gradients(covariance, weights, budgets, -gradient, min(1e-2, 0.1 * error))
        moved = weights * change
        moved_image = covariance @ moved
        length = 1.0
        if error > 1e-3:
            length = _step_length(change, budgets, float(moved @ image), float(moved @ moved_image))
        weights = weights + length * moved
        image = covariance @ weights
    if not np.all(np.isfinite(weights)) or float(np.abs(weights * image / budgets - 1.0).max()) > SETTLED:
        raise UnboundedError(CANCELLING)
    return weights, steps


def _equalize_capped(
    covariance: FloatMatrix, budgets: FloatVector, caps: FloatVector, start: FloatVector
) -> tuple[FloatVector, int]:
    """Minimise 1/2 y'Sy - sum beta ln y subject to y_k <= caps_k sum y: primal-dual interior point."""
    count = budgets.size
    weights = start.copy()
    slack = np.maximum(caps * weights.sum() - weights, 0.1 * caps * weights.sum())
    multipliers = 0.1 / (count * slack)
    diagonal, steps = np.arange(count), 0
    while steps < INTERIOR_STEPS:
        complementarity = float(slack @ multipliers) / count
        dual = covariance @ weights - budgets / weights + multipliers - float(caps @ multipliers)
        primal = weights - caps * weights.sum() + slack
        if max(float(np.abs(weights * dual).max()), float(np.abs(primal).max()), complementarity) <= INTERIOR_TOLERANCE:
            break
        steps += 1
        stiffness = multipliers / slack
        centred = slack * multipliers - 0.1 * complementarity
        pushed = (multipliers * primal - centred) / slack
        spread = stiffness * caps
        system = covariance - spread[:, None] - spread[None, :] + float(caps @ spread)
        system[diagonal, diagonal] += budgets / weights**2 + stiffness
        system *= weights[:, None] * weights[None, :]
        right = -weights * (dual + pushed - float(caps @ pushed))
        try:
            change = weights * cho_solve(cho_factor(system, check_finite=False), right, check_finite=False)
        except LinAlgError:
            break
        slack_change = -primal - (change - caps * change.sum())
        multiplier_change = (-centred - multipliers * slack_change) / slack
        reach = max(
            float((-change / weights).max()),
            float((-slack_change / slack).max()),
            float((-multiplier_change / multipliers).max()),
        )
        length = min(1.0, 0.99 / reach) if reach > 0.0 else 1.0
        weights = weights + length * change
        slack = slack + length * slack_change
        multipliers = multipliers + length * multiplier_change
    total = float(weights.sum())
    return _sharpen(covariance, budgets, caps, weights, multipliers * total > slack / total), steps


def _sharpen(
    covariance: FloatMatrix, budgets: FloatVector, caps: FloatVector, weights: FloatVector, is_bound: BoolVector
) -> FloatVector:
    """Newton steps with the binding caps as equalities: y_bound = caps_bound * sum y, the rest y_free unconstrained."""
    free, bound = np.flatnonzero(~is_bound), np.flatnonzero(is_bound)
    held = float(caps[bound].sum())
    if bound.size == 0 or free.size == 0 or held >= 1.0 - 1e-9:
        return weights
    lift = np.zeros((budgets.size, free.size))
    lift[free, np.arange(free.size)] = 1.0
    lift[bound, :] = caps[bound, None] / (1.0 - held)
    reduced = lift.T @ covariance @ lift
    together = float(budgets[bound].sum())
    part = weights[free]
    for _ in range(SHARPENING_STEPS):
        total = float(part.sum())
        gradient = reduced @ part - budgets[free] / part - together / total
        # In relative changes the diagonal is at least beta, however large the weights have grown.
        scaled = part[:, None] * (reduced + together / total**2) * part[None, :]
        scaled[np.diag_indices_from(scaled)] += budgets[free]
        try:
            change = -part * cho_solve(cho_factor(scaled, check_finite=False), part * gradient, check_finite=False)
        except LinAlgError:
            # The weights grow without bound towards a combination without variance, which the certificate rejects.
            return weights
        if not np.all(part + change > 0.0):
            return weights
        part = part + change
    return lift @ part


def _certify(scaled: FloatVector, covariance: FloatMatrix, budgets: FloatVector, caps: FloatVector) -> Certificate:
    """Certify the unnormalised weights by stationarity and complementarity, with multipliers recomputed from them.

    mu_k - sum_j caps_j mu_j = beta_k / y_k - (Sy)_k, and mu_k = 0 where the cap is slack.
    """
    total = float(scaled.sum())
    gradient = covariance @ scaled - budgets / scaled
    slack = caps * total - scaled
    bound = slack <= CAP_TOLERANCE * total
    held = float(caps[bound].sum())
    common = 0.0
    if held < 1.0 - 1e-9:
        common = -float(caps[bound] @ gradient[bound]) / (1.0 - held)
    elif bound.any():
        common = float(gradient[bound].max())
    excess = gradient - common
    residuals = np.where(bound, np.maximum(excess, 0.0), np.abs(excess))
    gap = float(np.abs(np.where(bound, excess, 0.0)) @ np.maximum(slack, 0.0)) + abs(float(scaled @ gradient))
    weights = scaled / total
    return Certificate(primal_residual(weights, caps, 1.0), float((scaled * residuals).max()), gap)


def solve_risk_parity(covariance: FloatMatrix, budgets: FloatVector, upper: FloatVector, budget: float) -> Optimum:
    """Compute weights whose risk contributions are proportional to `budgets` as far as the caps allow.

    See docs/method/08-allocation.md#8.2.

    Parameters
    ----------
    covariance : (N, N)
        Positive diagonal.
    budgets : (N,)
        beta; positive, sum 1.
    upper : (N,)
        Caps on the weights; their sum exceeds the budget.
    budget : float
        Sum of the weights.

    Returns
    -------
    Optimum

    Raises
    ------
    UnboundedError
        When a long-only combination without variance leaves no solution.
    SolverError
        When the certificate is not accepted.

    Examples
    --------
    >>> solve_risk_parity(np.diag([0.01, 0.04]), np.array([0.5, 0.5]), np.ones(2), 1.0).weights.round(4).tolist()
    [0.6667, 0.3333]
    """
    unit = covariance / float(covariance.diagonal().mean())
    caps = upper / budget
    solver, is_free = "newton_cg", True
    try:
        scaled, iterations = equalize(unit, budgets)
    except UnboundedError:
        # Caps may still exclude the combination without variance.
        if np.all(caps >= 1.0):
            raise
        is_free = False
        scaled, iterations = np.sqrt(budgets / unit.diagonal()), NEWTON_STEPS
    if not is_free or np.any(scaled > caps * (scaled.sum() * (1.0 + TIE_TOLERANCE))):
        scaled, more = _equalize_capped(unit, budgets, caps, scaled)
        iterations, solver = iterations + more, "interior_point"
    certificate = _certify(scaled, unit, budgets, caps)
    if not is_free and not certificate.is_accepted:
        raise UnboundedError(CANCELLING)
    objective = 0.5 * float(scaled @ unit @ scaled) - float(budgets @ np.log(scaled))
    weights = np.minimum(scaled * (budget / float(scaled.sum())), upper)
    return accepted(Optimum(weights, solver, iterations, certificate, objective))
