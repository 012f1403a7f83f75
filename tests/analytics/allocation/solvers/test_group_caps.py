"""Caps on disjoint groups: read as blocks, solved by the active set, and equal to what the interior point finds."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.allocation import GroupCaps, RiskProblem, Solution, Turnover, solve
from analytics.allocation.solvers import active_set, interior_point
from analytics.allocation.solvers.group_caps import Groups, read_groups
from analytics.allocation.solvers.linear_program import LinearProgram, solve_linear
from analytics.allocation.solvers.piecewise_linear import QuadraticForm
from analytics.errors import InfeasibleError
from benchmarks.cvxpy_reference import solve_by_reference

PROFILES = ("min_variance", "max_sharpe", "max_diversification")


def caps_on(members: np.ndarray, limits: list[float]) -> GroupCaps:
    """Group j holds the assets whose entry of members (N,) is j; other assets are in none."""
    matrix = (members == np.arange(len(limits))[:, None]).astype(float)
    return GroupCaps(matrix, np.array(limits), tuple(f"group {place}" for place in range(len(limits))))


def capped_problem(risk_profile: str, seed: int, *, count: int = 40, is_bent: bool = True) -> RiskProblem:
    """Five groups under a tight cap each and assets in none, with a turnover penalty where `is_bent`."""
    rng = np.random.default_rng(seed)
    members = rng.integers(0, 6, count)
    factors = rng.normal(size=(300, 6)) * 0.01
    returns = factors[:, members] + rng.normal(size=(300, count)) * rng.uniform(0.004, 0.02, count) + 0.001
    return RiskProblem(
        risk_profile=risk_profile,
        covariance=np.cov(returns.T) * 252,
        upper=np.full(count, 0.1),
        mean=returns.mean(axis=0) * 252,
        turnover=Turnover(0.05, rng.dirichlet(np.full(count, 0.3)), np.arange(count), np.ones(count), annual_cost=0.01)
        if is_bent
        else None,
        groups=caps_on(members, [0.17] * 5),
    )


def unsettled(form: QuadraticForm, groups: Groups, **_: object) -> active_set.ActiveSetResult:
    equal = np.full(form.cost.size, form.budget / form.cost.size)
    return active_set.ActiveSetResult(equal, np.zeros_like(groups.limits), 0, is_settled=False)


def absent(*_: object) -> interior_point.InteriorResult:
    raise AssertionError("the interior point was asked")


def worst_residual(solution: Solution) -> float:
    return max(solution.primal_residual, solution.dual_residual, solution.gap)


@pytest.mark.parametrize("risk_profile", PROFILES)
@pytest.mark.parametrize("is_bent", [True, False])
def test_the_active_set_finds_what_the_interior_point_finds(
    risk_profile: str, is_bent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    problems = [capped_problem(risk_profile, seed, is_bent=is_bent) for seed in range(12)]
    with monkeypatch.context() as alone:
        alone.setattr(interior_point, "minimize", absent)
        alone.setattr(interior_point, "maximize_ratio", absent)
        answers = [solve(problem) for problem in problems]
    monkeypatch.setattr(active_set, "minimize", unsettled)
    for problem, answer in zip(problems, answers, strict=True):
        independent = solve(problem)
        np.testing.assert_allclose(answer.weights, independent.weights, atol=1e-6)
        assert answer.objective == pytest.approx(independent.objective, abs=1e-9)
    assert sum(any(name.startswith("group:") for name in answer.binding) for answer in answers) >= 10


def test_a_tighter_group_holds_less_and_the_objective_is_no_better() -> None:
    base = capped_problem("min_variance", 3)
    matrix, held, values = base.groups.matrix, [], []
    for limit in (0.16, 0.12, 0.05, 0.0):
        solution = solve(
            RiskProblem(
                "min_variance",
                base.covariance,
                np.full(40, 0.2),
                groups=GroupCaps(matrix, np.array([limit, 1.0, 1.0, 1.0, 1.0]), base.groups.names),
            )
        )
        assert worst_residual(solution) <= 1e-12
        held.append(float(matrix[0] @ solution.weights))
        values.append(solution.objective)
    assert held[0] > held[1] > held[2] > held[3] == pytest.approx(0.0, abs=1e-15)
    assert values == sorted(values)


def test_members_at_their_caps_can_fill_a_group_exactly() -> None:
    """Five calm assets under 5 % each and 25 % together: both caps bind at once, and no member is free."""
    rng = np.random.default_rng(0)
    returns = rng.normal(size=(400, 30)) * np.where(np.arange(30) < 5, 0.001, 0.01)
    problem = RiskProblem(
        "min_variance",
        np.cov(returns.T),
        np.full(30, 0.05),
        groups=caps_on(np.where(np.arange(30) < 5, 0, 1), [0.25]),
    )
    solution = solve(problem)
    assert worst_residual(solution) <= 1e-12
    assert {f"cap:{place}" for place in range(5)} <= set(solution.binding)
    assert "group:group 0" in solution.binding
    free = solve(RiskProblem("min_variance", problem.covariance, problem.upper))
    np.testing.assert_allclose(solution.weights, free.weights, atol=1e-12)


@pytest.mark.parametrize("risk_profile", PROFILES)
def test_groups_that_hold_the_budget_and_nothing_more_are_all_full(risk_profile: str) -> None:
    base = capped_problem(risk_profile, 5, is_bent=False)
    members = np.arange(40) % 4
    solution = solve(
        RiskProblem(
            risk_profile, base.covariance, base.upper, mean=base.mean, groups=caps_on(members, [0.25, 0.25, 0.25, 0.25])
        )
    )
    sums = np.bincount(members, weights=solution.weights)
    np.testing.assert_allclose(sums, 0.25, atol=1e-10)
    assert worst_residual(solution) <= 1e-8


@pytest.mark.parametrize("risk_profile", PROFILES)
def test_caps_that_share_assets_on_a_nearly_singular_covariance_are_answered(risk_profile: str) -> None:
    """Hardly more sessions than assets: the interior point alone stops short of the last digits on some of these."""
    for seed in range(12):
        rng = np.random.default_rng(seed)
        returns = rng.standard_normal((65, 60)) * 0.01 * np.exp(rng.standard_normal(60) * 0.5)
        covariance = np.cov(returns.T) * 252
        mean = np.sqrt(covariance.diagonal().mean()) * rng.standard_normal(60) * 0.5
        matrix = (rng.random((3, 60)) < 0.3).astype(float)
        groups = GroupCaps(matrix, np.array([0.4, 0.5, 0.6]), ("a", "b", "c"))
        problem = RiskProblem(risk_profile, covariance, np.full(60, 0.25), mean=mean, groups=groups)
        solution = solve(problem)
        assert solution.status == "optimal"
        assert worst_residual(solution) <= 1e-8
        assert np.all(matrix @ solution.weights <= groups.limits + 1e-12)
        assert solution.objective == pytest.approx(solve_by_reference(problem).objective, rel=1e-7)


@pytest.mark.parametrize("height", [1.0, 2.5])
def test_a_group_cap_and_its_multiple_are_the_same_cap(height: float) -> None:
    base = capped_problem("max_sharpe", 7)
    groups = GroupCaps(height * base.groups.matrix, height * base.groups.limits, base.groups.names)
    solution = solve(RiskProblem("max_sharpe", base.covariance, base.upper, mean=base.mean, groups=groups))
    plain = solve(RiskProblem("max_sharpe", base.covariance, base.upper, mean=base.mean, groups=base.groups))
    assert solution.dual_residual <= 1e-12
    np.testing.assert_allclose(solution.weights, plain.weights, atol=1e-12)


def test_what_is_a_block_and_what_is_not() -> None:
    def read(matrix: list[list[float]], limits: list[float]) -> Groups:
        return read_groups(GroupCaps(np.array(matrix), np.array(limits), tuple(map(str, limits))), 3)

    blocks = read([[0.0, 2.0, 2.0], [0.0, 0.0, 0.0]], [0.5, 0.1])
    assert blocks.owner.tolist() == [2, 0, 0]
    assert blocks.limits.tolist() == [0.25, 0.1]
    assert blocks.sums(np.array([0.5, 0.2, 0.3])).tolist() == [0.5, 0.0]
    assert read_groups(None, 3).sums(np.ones(3)).size == 0
    assert read([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]], [0.5, 0.5]).owner is None, "an asset in two groups"
    assert read([[1.0, 0.5, 0.0]], [0.5]).owner is None, "unequal coefficients"
    assert read([[-1.0, -1.0, 0.0]], [0.5]).owner is None, "a floor"
    assert read([[1.0, 1.0, 0.0]], [-0.5]).owner is None, "a limit below zero"


@pytest.mark.parametrize("seed", range(20))
def test_the_capacity_of_blocks_is_that_of_a_linear_program(seed: int) -> None:
    rng = np.random.default_rng(seed)
    upper, limits = rng.uniform(0.01, 0.2, 15), rng.uniform(0.0, 0.4, 3)
    groups = caps_on(rng.integers(0, 4, 15), list(limits))
    program = LinearProgram(
        cost=np.concatenate([np.zeros(15), [-1.0]]),
        rows=np.column_stack([groups.matrix, np.zeros(3)]),
        limits=groups.limits,
        total=np.concatenate([np.ones(15), [-1.0]]),
        budget=0.0,
        low=np.zeros(16),
        high=np.concatenate([upper, [np.inf]]),
    )
    assert read_groups(groups, 15).capacity(upper) == pytest.approx(-solve_linear(program, "capacity").value, abs=1e-12)


def test_blocks_that_cannot_hold_the_budget_are_named() -> None:
    problem = RiskProblem("min_variance", np.eye(4), np.ones(4), groups=caps_on(np.array([0, 0, 1, 1]), [0.4, 0.5]))
    with pytest.raises(InfeasibleError, match=r"group [01] \(limit 0\.[45], short by 0\.1\)"):
        solve(problem)
