"""Solve linear programs over bounded variables by the dual simplex of HiGHS."""

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
    """Linear program min cost'x subject to rows @ x <= limits, total'x = budget, low <= x <= high.

    Attributes
    ----------
    cost, total, low, high : (n,)
    rows : (m, n)
    limits : (m,)
    budget : float
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
    """Optimum of a linear program.

    Attributes
    ----------
    point : (n,)
    value : float
    multipliers : (m,)
        Of the rows; nonnegative for upper limits.
    iterations : int
        Simplex iterations.
    """

    point: FloatVector
    value: float
    multipliers: FloatVector
    iterations: int


class GrowingProgram:
    """Linear program to which columns and rows can be added between two solutions.

    min cost'x over low <= x <= high and limited rows. A new row leaves the last basis dual feasible, so the next
    solution starts from it.

    Parameters
    ----------
    name : str
        Names the program in errors.

    Examples
    --------
    >>> program = GrowingProgram("example")
    >>> columns = program.add_columns(np.array([1.0, 2.0]), np.zeros(2), np.ones(2))
    >>> program.add_rows(np.ones((1, 2)), columns, np.array([1.5]), np.array([1.5]))
    >>> program.solve().point.round(4).tolist()
    [1.0, 0.5]
    >>> program.add_rows(np.array([[1.0, 0.0]]), columns, np.array([-np.inf]), np.array([0.6]))
    >>> program.solve().point.round(4).tolist()
    [0.6, 0.9]
    """

    __slots__ = ("_highs", "_name")

    def __init__(self, name: str) -> None:
        self._name = name
        self._highs = highspy.Highs()  # type: ignore[no-untyped-call]  # its stubs leave the constructor untyped
        for option, value in _OPTIONS:
            self._check(self._highs.setOptionValue(option, value), f"option {option}")

    def add_columns(self, cost: FloatVector, low: FloatVector, high: FloatVector) -> NDArray[np.int32]:
        """Add variables with cost and bounds (k,); return their column numbers (k,)."""
        first, count = self._highs.getNumCol(), cost.size
        none = np.zeros(0, dtype=np.int32)
        status = self._highs.addCols(count, cost, low, high, 0, none, none, np.zeros(0))
        self._check(status, f"{count} new columns")
        return np.arange(first, first + count, dtype=np.int32)

    def add_rows(self, values: FloatMatrix, columns: NDArray[np.int32], low: FloatVector, high: FloatVector) -> None:
        """Add rows with bounds (m,): values (m, w) in columns (m, w), or (w,) where every row has the same columns."""
        count = values.shape[0]
        column_numbers = np.broadcast_to(columns, values.shape)
        is_set = values != 0.0
        starts = np.zeros(count, dtype=np.int32)
        starts[1:] = np.cumsum(is_set.sum(axis=1))[:-1]
        status = self._highs.addRows(
            count,
            low,
            high,
            int(is_set.sum()),
            starts,
            column_numbers[is_set],
            np.asarray(values[is_set], dtype=np.float64),
        )
        self._check(status, f"{count} new rows")

    def solve(self) -> LinearAnswer:
        """Solve the program as it is now.

        Returns
        -------
        LinearAnswer

        Raises
        ------
        SolverError
            When HiGHS does not report an optimum; the message gives the status of HiGHS.
        """
        status = self._highs.run()
        model_status = self._highs.getModelStatus()
        if status == highspy.HighsStatus.kError or model_status != highspy.HighsModelStatus.kOptimal:
            message = f"{self._name}: HiGHS stopped with status {self._highs.modelStatusToString(model_status)}"
            raise SolverError(message)
        solution, info = self._highs.getSolution(), self._highs.getInfo()
        return LinearAnswer(
            np.array(solution.col_value, dtype=np.float64),
            float(info.objective_function_value),
            -np.array(solution.row_dual, dtype=np.float64),
            int(info.simplex_iteration_count),
        )

    def _check(self, status: highspy.HighsStatus, part: str) -> None:
        # A warning only says that HiGHS treats entries below 1e-9 as zero.
        if status == highspy.HighsStatus.kError:
            message = f"{self._name}: HiGHS refuses {part}; check the problem for values that are not finite"
            raise SolverError(message)


def solve_linear(program: LinearProgram, name: str) -> LinearAnswer:
    """Solve a linear program.

    Parameters
    ----------
    program : LinearProgram
    name : str
        Names the program in errors.

    Returns
    -------
    LinearAnswer
        With the nonnegative multipliers (m,) of the inequalities.

    Raises
    ------
    SolverError
        When HiGHS does not report an optimum; the message gives `name` and the status of HiGHS.

    Examples
    --------
    >>> program = LinearProgram(
    ...     cost=np.array([1.0, 2.0]), rows=np.array([[1.0, 0.0]]), limits=np.array([0.6]),
    ...     total=np.ones(2), budget=1.0, low=np.zeros(2), high=np.ones(2),
    ... )
    >>> solve_linear(program, "example").point.round(4).tolist()
    [0.6, 0.4]
    """
    growing = GrowingProgram(name)
    columns = growing.add_columns(program.cost, program.low, program.high)
    budget = np.array([program.budget])
    growing.add_rows(program.total[None, :], columns, budget, budget)
    growing.add_rows(program.rows, columns, np.full(program.limits.size, -np.inf), program.limits)
    answer = growing.solve()
    return replace(answer, multipliers=np.maximum(answer.multipliers[1:], 0.0))
