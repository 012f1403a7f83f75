"""Linear programs over bounded variables, solved by the dual simplex of HiGHS."""

from __future__ import annotations

from dataclasses import dataclass, replace

import highspy
import numpy as np
from numpy.typing import NDArray

from analytics._typing import FloatMatrix, FloatVector
from analytics.allocation.errors import SolverError

TOLERANCE = 1e-10
_OPTIONS = (
    ("output_flag", False),
    ("presolve", "off"),
    ("solver", "simplex"),
    ("primal_feasibility_tolerance", TOLERANCE),
    ("dual_feasibility_tolerance", TOLERANCE),
)


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
    """Optimal point (n,), its value, the multipliers (m,) of the rows (>= 0 for upper limits), simplex iterations."""

    point: FloatVector
    value: float
    multipliers: FloatVector
    iterations: int


class GrowingProgram:
    """min cost'x over low <= x <= high and limited rows, which columns and rows may join between two solutions.

    A new row leaves the last basis dual feasible, so that the next solution starts there instead of from nothing.

    Parameters
    ----------
    what : names the program in errors.
    """

    __slots__ = ("_highs", "_what")

    def __init__(self, what: str) -> None:
        self._what = what
        self._highs = highspy.Highs()  # type: ignore[no-untyped-call]  # its stubs leave the constructor untyped
        for name, value in _OPTIONS:
            self._check(self._highs.setOptionValue(name, value), f"option {name}")

    def add_columns(self, cost: FloatVector, low: FloatVector, high: FloatVector) -> NDArray[np.int32]:
        """Variables with cost and bounds (k,); returns their column numbers (k,)."""
        first, count = self._highs.getNumCol(), cost.size
        none = np.zeros(0, dtype=np.int32)
        status = self._highs.addCols(count, cost, low, high, 0, none, none, np.zeros(0))
        self._check(status, f"{count} new columns")
        return np.arange(first, first + count, dtype=np.int32)

    def add_rows(self, values: FloatMatrix, columns: NDArray[np.int32], low: FloatVector, high: FloatVector) -> None:
        """Rows with bounds (m,): values (m, w) in columns (m, w), or (w,) where every row has the same."""
        count = values.shape[0]
        places = np.broadcast_to(columns, values.shape)
        is_set = values != 0.0
        starts = np.zeros(count, dtype=np.int32)
        starts[1:] = np.cumsum(is_set.sum(axis=1))[:-1]
        status = self._highs.addRows(
            count, low, high, int(is_set.sum()), starts, places[is_set], np.asarray(values[is_set], dtype=np.float64)
        )
        self._check(status, f"{count} new rows")

    def solve(self) -> LinearAnswer:
        """The optimum of what was added so far.

        Raises
        ------
        SolverError
            When HiGHS does not report an optimum; the message carries HiGHS' own words.
        """
        status = self._highs.run()
        model_status = self._highs.getModelStatus()
        if status == highspy.HighsStatus.kError or model_status != highspy.HighsModelStatus.kOptimal:
            message = f"{self._what}: HiGHS stopped with status {self._highs.modelStatusToString(model_status)}"
            raise SolverError(message)
        solution, info = self._highs.getSolution(), self._highs.getInfo()
        return LinearAnswer(
            np.array(solution.col_value, dtype=np.float64),
            float(info.objective_function_value),
            -np.array(solution.row_dual, dtype=np.float64),
            int(info.simplex_iteration_count),
        )

    def _check(self, status: highspy.HighsStatus, part: str) -> None:
        # A warning only says that HiGHS takes entries below 1e-9 for zero.
        if status == highspy.HighsStatus.kError:
            message = f"{self._what}: HiGHS refuses {part}; check the problem for values that are not finite"
            raise SolverError(message)


def solve_linear(program: LinearProgram, what: str) -> LinearAnswer:
    """The optimum of a linear program, with the nonnegative multipliers (m,) of its inequalities.

    Raises
    ------
    SolverError
        When HiGHS does not report an optimum; the message carries `what` and HiGHS' own words.
    """
    growing = GrowingProgram(what)
    columns = growing.add_columns(program.cost, program.low, program.high)
    budget = np.array([program.budget])
    growing.add_rows(program.total[None, :], columns, budget, budget)
    growing.add_rows(program.rows, columns, np.full(program.limits.size, -np.inf), program.limits)
    answer = growing.solve()
    return replace(answer, multipliers=np.maximum(answer.multipliers[1:], 0.0))
