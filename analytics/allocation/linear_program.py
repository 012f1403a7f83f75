"""Linear programs over bounded variables, solved by HiGHS through SciPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

from analytics._typing import FloatMatrix, FloatVector
from analytics.allocation.errors import SolverError

TOLERANCE = 1e-10


@dataclass(frozen=True, slots=True)
class LinearProgram:
    """min cost'x subject to rows @ x <= limits, total'x = budget, low <= x <= high.

    Parameters
    ----------
    cost, total, low, high : (n,)
    rows : (m, n)
    limits : (m,)
    """

    cost: FloatVector
    rows: FloatMatrix
    limits: FloatVector
    total: FloatVector
    budget: float
    low: FloatVector
    high: FloatVector


@dataclass(frozen=True, slots=True)
class LinearAnswer:
    """Optimal point (n,), its value, the nonnegative multipliers (m,) of the rows, simplex iterations."""

    point: FloatVector
    value: float
    multipliers: FloatVector
    iterations: int


def solve_linear(program: LinearProgram, what: str) -> LinearAnswer:
    """The optimum of a linear program.

    Raises
    ------
    SolverError
        When HiGHS does not report an optimum; the message carries `what` and HiGHS' own words.
    """
    result = linprog(  # type: ignore[call-overload]  # the stubs do not know bounds as an array
        program.cost,
        A_ub=program.rows,
        b_ub=program.limits,
        A_eq=program.total[None, :],
        b_eq=np.array([program.budget]),
        bounds=np.column_stack([program.low, program.high]),
        method="highs-ds",
        options={"primal_feasibility_tolerance": TOLERANCE, "dual_feasibility_tolerance": TOLERANCE},
    )
    if result.status != 0 or result.x is None or result.fun is None:
        message = f"{what}: HiGHS stopped with status {result.status}: {result.message}"
        raise SolverError(message)
    multipliers = np.maximum(-np.asarray(result.ineqlin.marginals, dtype=np.float64), 0.0)
    return LinearAnswer(np.asarray(result.x, dtype=np.float64), float(result.fun), multipliers, int(result.nit))
