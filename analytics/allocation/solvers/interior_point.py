"""Solve the quadratic problems by the interior-point solver PIQP where the active set does not settle.

These are problems with singular covariances, with overlapping group caps, and with cycling patterns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import piqp

from analytics._typing import FloatMatrix, FloatVector
from analytics.allocation.errors import SolverError
from analytics.allocation.solvers.piecewise_linear import QuadraticForm
from analytics.allocation.solvers.risk_problem import GroupCaps

TOLERANCE = 1e-13
MAX_ITERATIONS = 300


@dataclass(frozen=True, slots=True)
class InteriorResult:
    """Weights (N,), iterations and multipliers (J,) of the group caps for the objective 1/2 y'Sy + tilt (...)."""

    weights: FloatVector
    iterations: int
    group_multipliers: FloatVector


def _run(
    quadratic: FloatMatrix,
    linear: FloatVector,
    *,
    equality: tuple[FloatMatrix, FloatVector],
    inequality: tuple[FloatMatrix, FloatVector] | None,
    upper: FloatVector | None,
    name: str,
) -> piqp.DenseSolver:
    solver = piqp.DenseSolver()
    solver.settings.eps_abs = TOLERANCE
    solver.settings.eps_rel = TOLERANCE
    solver.settings.eps_duality_gap_abs = TOLERANCE
    solver.settings.eps_duality_gap_rel = TOLERANCE
    solver.settings.max_iter = MAX_ITERATIONS
    rows, limits = inequality if inequality is not None else (None, None)
    floor = np.zeros(linear.size)
    solver.setup(quadratic, linear, equality[0], equality[1], rows, None, limits, floor, upper)
    status = solver.solve()
    # A stop for lack of iterations or digits is decided by the certificate of the weights, not by the solver's status.
    if status not in (piqp.PIQP_SOLVED, piqp.PIQP_MAX_ITER_REACHED, piqp.PIQP_NUMERICS):
        message = f"{name}: PIQP stopped with {status.name} after {solver.result.info.iter} iterations"
        raise SolverError(message)
    return solver


def minimize(form: QuadraticForm, tilt: float, groups: GroupCaps | None) -> InteriorResult:
    """Minimise 1/2 y'Sy + tilt (cost'y + phi(y)) over sum y = budget and the group caps.

    Parameters
    ----------
    form : QuadraticForm
    tilt : float
    groups : GroupCaps or None

    Returns
    -------
    InteriorResult

    Raises
    ------
    SolverError
        When PIQP reports an infeasible or unbounded problem.

    Examples
    --------
    >>> from analytics.allocation.solvers.piecewise_linear import box_pieces
    >>> form = QuadraticForm(np.diag([0.01, 0.04, 0.09]), np.zeros(3), box_pieces(np.full(3, 0.6)), budget=1.0)
    >>> minimize(form, 1.0, None).weights.round(4).tolist()
    [0.6, 0.2769, 0.1231]
    """
    owner, lengths, slopes = form.pieces.parts()
    scale = float(form.covariance.diagonal().mean())
    solver = _run(
        np.asfortranarray(form.covariance[np.ix_(owner, owner)] / scale),
        tilt / scale * (form.cost[owner] + slopes),
        equality=(np.ones((1, owner.size)), np.array([form.budget])),
        inequality=None if groups is None else (np.asfortranarray(groups.matrix[:, owner]), groups.limits),
        upper=lengths,
        name="minimum variance",
    )
    weights = form.pieces.joined(owner, np.asarray(solver.result.x))
    multipliers = np.zeros(0) if groups is None else np.asarray(solver.result.z_u) * scale
    return InteriorResult(weights, int(solver.result.info.iter), multipliers)


def maximize_ratio(form: QuadraticForm, best_reward: float, groups: GroupCaps | None) -> InteriorResult:
    """Maximise reward(y) / sqrt(y'Sy) by the transformation of Charnes and Cooper (1962).

    With x = t y the ratio is largest where x'Sx is smallest subject to reward(y) t = `best_reward`. Caps, budget and
    held weights are homogenised: each piece holds at most its length times t.

    Parameters
    ----------
    form : QuadraticForm
    best_reward : float
        Positive; reward of a feasible point.
    groups : GroupCaps or None

    Returns
    -------
    InteriorResult

    Raises
    ------
    SolverError
        When PIQP reports an infeasible or unbounded problem.

    Examples
    --------
    >>> from analytics.allocation.solvers.piecewise_linear import box_pieces
    >>> form = QuadraticForm(np.diag([0.04, 0.04]), np.array([-0.06, -0.02]), box_pieces(np.ones(2)), budget=1.0)
    >>> maximize_ratio(form, 0.06, None).weights.round(4).tolist()
    [0.75, 0.25]
    """
    owner, lengths, slopes = form.pieces.parts()
    scale = float(form.covariance.diagonal().mean())
    size = owner.size
    quadratic = np.zeros((size + 1, size + 1), order="F")
    quadratic[:size, :size] = form.covariance[np.ix_(owner, owner)] / scale
    equality = np.zeros((2, size + 1), order="F")
    equality[0, :size], equality[0, size] = 1.0, -form.budget
    equality[1, :size], equality[1, size] = -(form.cost[owner] + slopes), -(form.pieces.offset + form.required)
    equality[1] /= best_reward
    rows = np.zeros((size, size + 1), order="F")
    rows[np.arange(size), np.arange(size)] = 1.0
    rows[:, size] = -lengths
    if groups is not None:
        rows = np.asfortranarray(np.vstack([rows, np.column_stack([groups.matrix[:, owner], -groups.limits])]))
    solver = _run(
        quadratic,
        np.zeros(size + 1),
        equality=(equality, np.array([0.0, 1.0])),
        inequality=(rows, np.zeros(rows.shape[0])),
        upper=None,
        name="maximum ratio",
    )
    stretch = float(solver.result.x[size])
    weights = form.pieces.joined(owner, np.asarray(solver.result.x[:size]) / stretch)
    multipliers = np.asarray(solver.result.z_u[size:]) * (scale / stretch)
    return InteriorResult(weights, int(solver.result.info.iter), multipliers)
