"""Minimise the conditional value at risk (Rockafellar and Uryasev 2000).

See docs/method/08-allocation.md#8.2.

Only sessions in the tail matter, so the linear program starts from the worst sessions of a simple portfolio and adds
those that its own solution makes worse than its value at risk, until none is left out; every round starts from the
basis of the last one. The solution is then that of the program with all sessions, which the certificate proves with the
dual weights of the tail. The first program has more sessions than the tail, without which it would be unbounded.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from analytics._typing import FloatMatrix, FloatVector, IntVector
from analytics.allocation.errors import AllocationInputError
from analytics.allocation.solvers.certificates import (
    TIE_TOLERANCE,
    Certificate,
    primal_residual,
    stationarity,
    with_groups,
)
from analytics.allocation.solvers.linear_program import GrowingProgram
from analytics.allocation.solvers.mean_risk import weighted_turnover
from analytics.allocation.solvers.optimum import Optimum, accepted
from analytics.allocation.solvers.piecewise_linear import Pieces, box_pieces
from analytics.allocation.solvers.risk_problem import GroupCaps, RiskProblem

CONFIDENCE = 0.95
#: Sessions of the first program, at least.
FIRST_SESSIONS = 50
#: Sessions of the first program, as a multiple of those in the tail; above 1, or the program is unbounded.
FIRST_SHARE = 1.5
#: Least CVaR95, as a share of the mean of the assets, that turnover is measured against.
LEAST_TAIL = 1e-3


@dataclass(frozen=True, slots=True)
class _Program:
    """Problem max over tail weights q of q'losses y, plus phi(y), over sum y = budget.

    Losses are (T, N) in units of the risk that the objective measures against.
    """

    losses: FloatMatrix
    pieces: Pieces
    budget: float
    groups: GroupCaps | None


@dataclass(frozen=True, slots=True)
class _Round:
    """Solution of one linear program; duals (T,) are the weights of the sessions in the tail, sum 1."""

    weights: FloatVector
    threshold: float
    duals: FloatVector
    group_multipliers: FloatVector
    iterations: int


def tail_mean(losses: FloatMatrix, confidence: float = CONFIDENCE) -> FloatVector:
    """Compute the CVaR of each column of losses: the mean of its worst (1 - confidence) T sessions.

    See docs/method/06-risk.md#6.1.

    A fraction of a session counts as that fraction. This is the minimum of the function of Rockafellar and Uryasev
    (2000); it agrees with the definition of the method where (1 - confidence) T is a whole number and no loss repeats.

    Parameters
    ----------
    losses : (T, N)
        Minus simple returns, fractions.
    confidence : float

    Returns
    -------
    (N,)

    Examples
    --------
    >>> losses = np.arange(1.0, 41.0)[:, None] / 100.0
    >>> tail_mean(losses).round(4).tolist()
    [0.395]
    """
    sessions = losses.shape[0]
    mass = (1.0 - confidence) * sessions
    whole = min(int(mass + 1e-9), sessions - 1)
    ordered = -np.sort(-losses, axis=0)
    return np.asarray((ordered[:whole].sum(axis=0) + max(mass - whole, 0.0) * ordered[whole]) / mass)


class _TailProgram:
    """Linear program over the sessions added so far: pieces of the weights, the threshold, one excess for each session."""

    __slots__ = ("_linear", "_owner", "_program", "_share", "tail")

    def __init__(self, program: _Program) -> None:
        owner, lengths, slopes = program.pieces.parts()
        self._program, self._owner = program, owner
        self._share = 1.0 / ((1.0 - CONFIDENCE) * program.losses.shape[0])
        self.tail: IntVector = np.zeros(0, dtype=np.int64)
        self._linear = GrowingProgram("minimum CVaR")
        held = self._linear.add_columns(slopes, np.zeros(owner.size), lengths)
        self._linear.add_columns(np.ones(1), np.full(1, -np.inf), np.full(1, np.inf))
        budget = np.array([program.budget])
        self._linear.add_rows(np.ones((1, owner.size)), held, budget, budget)
        groups = program.groups
        if groups is not None:
            limits = groups.limits
            self._linear.add_rows(groups.matrix[:, owner], held, np.full(limits.size, -np.inf), limits)

    def take_in(self, sessions: IntVector) -> None:
        """Add sessions that are not in the tail yet: loss - threshold - excess <= 0."""
        count, size = sessions.size, self._owner.size
        excess = self._linear.add_columns(np.full(count, self._share), np.zeros(count), np.full(count, np.inf))
        values = np.full((count, size + 2), -1.0)
        values[:, :size] = self._program.losses[np.ix_(sessions, self._owner)]
        columns = np.empty(values.shape, dtype=np.int32)
        columns[:, : size + 1], columns[:, size + 1] = np.arange(size + 1), excess
        self._linear.add_rows(values, columns, np.full(count, -np.inf), np.zeros(count))
        self.tail = np.concatenate([self.tail, sessions])

    def solve(self) -> _Round:
        """Solve over the sessions of the tail."""
        program, size = self._program, self._owner.size
        answer = self._linear.solve()
        first = answer.multipliers.size - self.tail.size
        duals = np.zeros(program.losses.shape[0])
        duals[self.tail] = np.clip(answer.multipliers[first:], 0.0, self._share)
        held = program.pieces.joined(self._owner, answer.point[:size])
        return _Round(
            weights=np.clip(held, 0.0, program.pieces.upper),
            threshold=float(answer.point[size]),
            duals=duals / duals.sum(),
            group_multipliers=np.maximum(answer.multipliers[1:first], 0.0),
            iterations=answer.iterations,
        )


def _certify(program: _Program, found: _Round) -> tuple[Certificate, float]:
    """Certificate and objective: any tail weights q bound the optimum from below by min_y of q'losses y + P(y)."""
    weights, pieces, groups = found.weights, program.pieces, program.groups
    gradient = found.duals @ program.losses
    slackness = 0.0
    if groups is not None:
        gradient, slackness = with_groups(gradient, weights, groups, found.group_multipliers)
    residual, gap = stationarity(weights, gradient, pieces, 1.0, program.budget)
    portfolio = program.losses @ weights
    worst = float(tail_mean(portfolio[:, None])[0])
    gap += max(worst - float(found.duals @ portfolio), 0.0) + slackness
    objective = worst + pieces.value(weights)
    return Certificate(primal_residual(weights, pieces.upper, program.budget, groups), residual, gap), objective


def minimize_tail(problem: RiskProblem, budget: float) -> Optimum:
    """Minimise CVaR95, with the turnover measured against the least CVaR95 that is possible.

    See docs/method/08-allocation.md#8.2.

    The objective is CVaR95(y) / CVaR* + lambda ||B y - w_held||_1 with CVaR* the least CVaR95 without the turnover
    term. Without turnover it is CVaR95 in units of the assets' mean CVaR95.

    Parameters
    ----------
    problem : RiskProblem
        With `past_returns`.
    budget : float
        Sum of the weights; below the sum of the caps.

    Returns
    -------
    Optimum

    Raises
    ------
    AllocationInputError
        When the problem has no past returns, or when the assets' mean CVaR95 is not positive, so that it cannot serve
        as the unit of risk.
    SolverError
        When the certificate is not accepted.

    Examples
    --------
    >>> past_returns = np.array([[0.01, -0.01], [-0.02, 0.02], [0.03, -0.05], [0.00, 0.01]])
    >>> problem = RiskProblem("min_cvar", np.cov(past_returns.T), np.ones(2), past_returns=past_returns)
    >>> minimize_tail(problem, 1.0).weights.round(4).tolist()
    [0.5833, 0.4167]
    """
    past_returns = problem.past_returns
    if past_returns is None:
        message = "min_cvar needs past_returns (T, N)"
        raise AllocationInputError(message)
    unit = float(tail_mean(-past_returns).mean())
    if unit <= 0.0:
        message = (
            f"the mean CVaR95 of the assets is {unit:.3g}: they do not lose in their tails, so minimum CVaR has no "
            "unit of risk. Give more sessions, or take another risk profile"
        )
        raise AllocationInputError(message)
    program = _Program(past_returns / -unit, box_pieces(problem.upper), budget, problem.groups)
    # A portfolio that every asset shares shows the sessions that are bad for most of them.
    simple = program.losses @ program.pieces.cheapest(program.losses.std(axis=0), budget) + program.losses.mean(axis=1)
    safest, tail = _least_tail(program, np.argsort(-simple, kind="stable")[: _first_sessions(simple.size)])
    if problem.turnover is None or problem.turnover.penalty == 0.0:
        return safest
    program = replace(
        program,
        losses=program.losses / max(safest.objective, LEAST_TAIL),
        pieces=weighted_turnover(problem, problem.turnover.penalty),
    )
    optimum, _ = _least_tail(program, tail)
    return replace(optimum, iterations=safest.iterations + optimum.iterations)


def _first_sessions(n_sessions: int) -> int:
    """Sessions of the first program: more than the tail has, or its threshold could fall without end."""
    return max(FIRST_SESSIONS, int(np.ceil(FIRST_SHARE * (1.0 - CONFIDENCE) * n_sessions)))


def _least_tail(program: _Program, first: IntVector) -> tuple[Optimum, IntVector]:
    """Solve over the first sessions, then with all that the solutions add; return the sessions taken in as well."""
    linear = _TailProgram(program)
    linear.take_in(first)
    found, iterations = linear.solve(), 0
    while True:
        iterations += found.iterations
        portfolio = program.losses @ found.weights
        missing = np.setdiff1d(np.flatnonzero(portfolio > found.threshold + TIE_TOLERANCE), linear.tail)
        if missing.size == 0:
            break
        near = np.argsort(-portfolio, kind="stable")[: FIRST_SESSIONS // 2]
        linear.take_in(np.union1d(missing, np.setdiff1d(near, linear.tail)))
        found = linear.solve()
    certificate, objective = _certify(program, found)
    return accepted(Optimum(found.weights, "highs", iterations, certificate, objective)), linear.tail
