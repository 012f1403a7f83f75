"""Minimum variance, maximum Sharpe ratio and maximum diversification (quant.md 8.2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError
from scipy.optimize import linprog

from analytics._typing import FloatVector
from analytics.allocation import active_set, interior
from analytics.allocation.certificates import Certificate, certify_quadratic
from analytics.allocation.errors import SolverError, UnboundedError
from analytics.allocation.pieces import Pieces, box_pieces, turnover_pieces
from analytics.allocation.problem import RiskProblem

#: Variance, relative to the mean variance of the assets, below which a portfolio counts as riskless.
RISKLESS = 1e-12
PROXIMAL_RIDGE = 1e-7
PROXIMAL_STEPS = 20


@dataclass(frozen=True, slots=True)
class Optimum:
    """Certified weights (N,), how they were found, and the objective's value."""

    weights: FloatVector
    solver: str
    iterations: int
    certificate: Certificate
    objective: float


def penalty_terms(problem: RiskProblem) -> tuple[FloatVector, Pieces]:
    """The dimensionless penalties P(y): gamma f (N,) and lambda ||B y - w_held||_1 as pieces over the box."""
    linear = np.zeros(problem.upper.size)
    if problem.fragility_penalty > 0.0 and problem.fragility is not None:
        linear = problem.fragility_penalty * problem.fragility
    turnover = problem.turnover
    if turnover is None or turnover.penalty == 0.0:
        return linear, box_pieces(problem.upper)
    unit = turnover_pieces(problem.upper, turnover)
    return linear, Pieces(unit.knots, turnover.penalty * unit.slopes, turnover.penalty * unit.offset)


@dataclass(frozen=True, slots=True)
class _Quadratic:
    """1/2 y'Sy + tilt (cost'y + phi(y)), or the ratio whose optimum it shares at the right tilt (`tilt` None)."""

    problem: RiskProblem
    cost: FloatVector
    pieces: Pieces
    budget: float
    tilt: float | None
    required: float = 0.0

    def reward(self, weights: FloatVector) -> float:
        """Numerator of the ratio."""
        return -float(self.cost @ weights) - self.pieces.value(weights) - self.required

    def certified(
        self, weights: FloatVector, solver: str, iterations: int, multipliers: FloatVector | None = None
    ) -> Optimum:
        """Judge weights (N,) by themselves; multipliers (J,) belong to the group caps."""
        covariance = self.problem.covariance
        variance, mean_variance = float(weights @ covariance @ weights), float(covariance.diagonal().mean())
        if self.tilt is None:
            gain = self.reward(weights)
            if gain <= 0.0 or variance <= RISKLESS * mean_variance:
                message = (
                    f"the ratio has no maximum: a feasible portfolio has excess return {gain:.3g} at variance "
                    f"{variance:.3g}. Estimate the covariance from more sessions, or shrink it"
                )
                raise UnboundedError(message)
            tilt, scale, objective = variance / gain, gain / variance**1.5, gain / float(np.sqrt(variance))
        else:
            tilt, scale = self.tilt, 1.0 / self.tilt
            objective = variance / mean_variance + float(self.cost @ weights) + self.pieces.value(weights)
        certificate = certify_quadratic(
            weights,
            covariance,
            self.cost,
            self.pieces,
            self.budget,
            tilt=tilt,
            scale=scale,
            groups=self.problem.groups,
            group_multipliers=np.zeros(0) if multipliers is None else multipliers,
        )
        return Optimum(weights, solver, iterations, certificate, objective)

    def solve_directly(self) -> Optimum | None:
        """The active set's answer; None where its pattern cycles or meets a singular covariance."""
        try:
            result = active_set.minimize(
                self.problem.covariance, self.cost, self.pieces, self.budget, tilt=self.tilt, required=self.required
            )
            answer = self.certified(result.weights, "active_set", result.iterations)
        except (LinAlgError, UnboundedError):
            return None
        return answer if result.is_settled and answer.certificate.is_accepted else None

    def polish(self, rough: FloatVector, iterations: int) -> Optimum:
        """Sharpen an interior point by proximal steps, each an active set on the covariance plus a small multiple of I.

        The added multiple makes every face solvable (more of it where patterns still cycle) and vanishes with the length of the step.
        """
        covariance = self.problem.covariance
        ridge = PROXIMAL_RIDGE * float(covariance.diagonal().mean())
        weights = np.clip(rough, 0.0, self.pieces.upper)
        answer = self.certified(weights, "piqp", iterations)
        for _ in range(PROXIMAL_STEPS):
            if answer.certificate.is_accepted:
                break
            tilt = float(weights @ covariance @ weights) / self.reward(weights) if self.tilt is None else self.tilt
            pulled = self.cost - (ridge / tilt) * weights
            lifted = covariance + ridge * np.eye(weights.size)
            result = active_set.minimize(lifted, pulled, self.pieces, self.budget, tilt=tilt, start=weights)
            iterations += result.iterations
            if not result.is_settled:
                ridge *= 10.0
                continue
            weights = result.weights
            answer = self.certified(weights, "piqp+active_set", iterations)
        return _accepted(answer)


def minimize_variance(problem: RiskProblem, budget: float) -> Optimum:
    """min y'Sy / s2 + gamma f'y + lambda ||B y - w_held||_1 (quant.md 8.2)."""
    cost, pieces = penalty_terms(problem)
    tilt = 0.5 * float(problem.covariance.diagonal().mean())
    quadratic = _Quadratic(problem, cost, pieces, budget, tilt)
    direct = quadratic.solve_directly() if problem.groups is None else None
    if direct is not None:
        return direct
    inner = interior.minimize(problem.covariance, cost, pieces, budget, tilt, problem.groups)
    if problem.groups is None:
        return quadratic.polish(inner.weights, inner.iterations)
    weights = np.clip(inner.weights, 0.0, pieces.upper)
    return _accepted(quadratic.certified(weights, "piqp", inner.iterations, inner.group_multipliers))


def maximize_ratio(problem: RiskProblem, budget: float, appeal: FloatVector, required: float) -> Optimum | None:
    """Max reward(y) / sqrt(y'Sy), reward(y) = (appeal - gamma s f)'y - required - lambda s ||B y - w_held||_1, s = sqrt(s2).

    Parameters
    ----------
    appeal : (N,)
        Annualised mean for the Sharpe ratio, annualised volatility for the diversification ratio.
    required : what the reward must exceed (the risk-free rate).

    Returns
    -------
    The optimum, or None when no feasible point has a positive reward.
    """
    covariance = problem.covariance
    linear, unit = penalty_terms(problem)
    scale = float(np.sqrt(covariance.diagonal().mean()))
    cost = scale * linear - appeal
    pieces = Pieces(unit.knots, scale * unit.slopes, scale * unit.offset)
    quadratic = _Quadratic(problem, cost, pieces, budget, None, required)
    best_reward = quadratic.reward(_most_rewarding(problem, cost, pieces, budget))
    if best_reward <= 1e-12 * float(np.abs(cost).max() + abs(required)):
        return None
    direct = quadratic.solve_directly() if problem.groups is None else None
    if direct is not None:
        return direct
    inner = interior.maximize_ratio(covariance, cost, pieces, budget, required, best_reward, problem.groups)
    if problem.groups is None:
        return quadratic.polish(inner.weights, inner.iterations)
    weights = np.clip(inner.weights, 0.0, pieces.upper)
    return _accepted(quadratic.certified(weights, "piqp", inner.iterations, inner.group_multipliers))


def _most_rewarding(problem: RiskProblem, cost: FloatVector, pieces: Pieces, budget: float) -> FloatVector:
    """Weights of the largest reward; group caps make it a linear program."""
    if problem.groups is None:
        return pieces.cheapest(cost, budget)
    owner, lengths, slopes = pieces.parts()
    result = linprog(
        cost[owner] + slopes,
        A_ub=problem.groups.matrix[:, owner],
        b_ub=problem.groups.limits,
        A_eq=np.ones((1, owner.size)),
        b_eq=[budget],
        bounds=np.column_stack([np.zeros_like(lengths), lengths]),
    )
    if result.status != 0:
        message = f"largest reward under the group caps: {result.message}"
        raise SolverError(message)
    return np.bincount(owner, weights=result.x, minlength=cost.size)


def _accepted(optimum: Optimum) -> Optimum:
    certificate = optimum.certificate
    if not certificate.is_accepted:
        message = (
            f"{optimum.solver} stopped after {optimum.iterations} iterations with primal residual "
            f"{certificate.primal_residual:.1e}, dual residual {certificate.dual_residual:.1e} and gap {certificate.gap:.1e}"
        )
        raise SolverError(message)
    return optimum
