"""Linear programs compared with SciPy's, solved at once and grown row by row."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

from analytics.allocation.errors import SolverError
from analytics.allocation.solvers.linear_program import GrowingProgram, LinearProgram, solve_linear


def drawn(seed: int, count: int = 15, rows: int = 8) -> LinearProgram:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(rows, count)) * (rng.random((rows, count)) < 0.7)
    return LinearProgram(
        cost=rng.normal(size=count),
        rows=matrix,
        limits=matrix @ np.full(count, 1.0 / count) + rng.uniform(0.0, 0.05, rows),
        total=np.ones(count),
        budget=1.0,
        low=np.zeros(count),
        high=np.full(count, 0.4),
    )


def solved_by_scipy(program: LinearProgram, rows: int) -> tuple[np.ndarray, float, np.ndarray]:
    """SciPy's point, value and multipliers with the first `rows` inequalities."""
    answer = linprog(
        program.cost,
        A_ub=program.rows[:rows],
        b_ub=program.limits[:rows],
        A_eq=program.total[None, :],
        b_eq=[program.budget],
        bounds=np.column_stack([program.low, program.high]),
    )
    assert answer.status == 0
    return answer.x, answer.fun, -answer.ineqlin.marginals


@pytest.mark.parametrize("seed", range(10))
def test_the_optimum_and_its_multipliers_are_those_of_scipy(seed: int) -> None:
    program = drawn(seed)
    point, value, multipliers = solved_by_scipy(program, 8)
    answer = solve_linear(program, "test")
    np.testing.assert_allclose(answer.point, point, atol=1e-9)
    np.testing.assert_allclose(answer.multipliers, multipliers, atol=1e-9)
    assert answer.value == pytest.approx(value, abs=1e-10)


@pytest.mark.parametrize("seed", range(10))
def test_rows_and_columns_may_join_between_two_solutions(seed: int) -> None:
    program = drawn(seed)
    growing = GrowingProgram("test")
    columns = np.concatenate(
        [
            growing.add_columns(program.cost[part], program.low[part], program.high[part])
            for part in (slice(0, 9), slice(9, None))
        ]
    )
    budget = np.array([program.budget])
    growing.add_rows(program.total[None, :], columns, budget, budget)
    for first in (0, 4):
        part = slice(first, first + 4)
        growing.add_rows(program.rows[part], columns, np.full(4, -np.inf), program.limits[part])
        point, value, multipliers = solved_by_scipy(program, first + 4)
        answer = growing.solve()
        np.testing.assert_allclose(answer.point, point, atol=1e-9)
        np.testing.assert_allclose(answer.multipliers[1:], multipliers, atol=1e-9)
        assert answer.value == pytest.approx(value, abs=1e-10)
    assert growing.solve().iterations == 0, "nothing joined, so the kept basis is optimal"


def test_a_program_without_a_feasible_point_is_an_error_that_says_so() -> None:
    program = LinearProgram(np.ones(2), np.zeros((0, 2)), np.zeros(0), np.ones(2), 1.0, np.zeros(2), np.full(2, 0.4))
    with pytest.raises(SolverError, match="probe: HiGHS stopped with status Infeasible"):
        solve_linear(program, "probe")


def test_a_program_without_a_lower_bound_is_an_error_that_says_so() -> None:
    low, high = np.full(2, -np.inf), np.full(2, np.inf)
    program = LinearProgram(np.array([1.0, -1.0]), np.zeros((0, 2)), np.zeros(0), np.ones(2), 1.0, low, high)
    with pytest.raises(SolverError, match="probe: HiGHS stopped with status"):
        solve_linear(program, "probe")


def test_what_highs_refuses_is_an_error() -> None:
    growing = GrowingProgram("probe")
    with pytest.raises(SolverError, match="probe: HiGHS refuses 1 new columns"):
        growing.add_columns(np.ones(1), np.full(1, np.inf), np.full(1, np.inf))


def test_entries_that_highs_takes_for_zero_are_no_error() -> None:
    program = LinearProgram(
        cost=np.array([1.0, 2.0]),
        rows=np.array([[1.0, 1e-12]]),
        limits=np.array([0.25]),
        total=np.ones(2),
        budget=1.0,
        low=np.zeros(2),
        high=np.ones(2),
    )
    np.testing.assert_allclose(solve_linear(program, "test").point, [0.25, 0.75], atol=1e-9)
