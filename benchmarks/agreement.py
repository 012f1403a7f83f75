"""Compare `solve` with cvxpy on random problems of every kind: python -m benchmarks.agreement [COUNT] [SEED].

Kinds: regular, all assets equal, duplicates and rho = 1, a constant asset, falling markets, fewer sessions than assets,
caps with K * cap = 1 exactly, one asset, hardly more sessions than assets.
"""

from __future__ import annotations

import sys
from collections import Counter

import numpy as np

from analytics.allocation import CONVEX_PROFILES, AllocationInputError, GroupCaps, RiskProblem, Turnover, solve
from analytics.allocation.errors import SolverError
from analytics.allocation.solvers.risk_problem import RiskProfile
from analytics.errors import InfeasibleError
from benchmarks.cvxpy_reference import solve_by_reference

KINDS = ("regular", "equal", "duplicates", "constant", "falling", "short", "exact_caps", "single", "narrow")
OBJECTIVE_TOLERANCE = 1e-7
MINIMIZED = ("min_variance", "risk_parity", "min_cvar")


def random_returns(kind: str, rng: np.random.Generator) -> np.ndarray:
    """Draw returns (T, N) of one kind of market."""
    count = 1 if kind == "single" else int(rng.integers(4, 25))
    ranges = {"short": (3, count + 1), "narrow": (count + 2, count + 6)}
    sessions = int(rng.integers(*ranges.get(kind, (60, 150))))
    returns = rng.normal(size=(sessions, count)) * 0.01 * rng.uniform(0.5, 3.0, count)
    returns += rng.normal(size=(sessions, 1)) * 0.01
    if kind == "equal":
        returns[:] = returns[:, :1]
    if kind == "duplicates":
        returns[:, 1], returns[:, 2] = returns[:, 0], 2.0 * returns[:, 0]
    if kind == "constant":
        returns[:, 0] = 0.0
    if kind == "falling":
        returns -= returns.mean(axis=0) + 0.002
    return returns


def random_turnover(count: int, rng: np.random.Generator) -> Turnover:
    """Draw two instruments for each asset on average, some held in the opposite direction, some to be sold."""
    owner = np.concatenate([np.arange(count), rng.integers(0, count, count)])
    share = rng.uniform(0.1, 1.0, owner.size)
    share /= np.bincount(owner, weights=share)[owner]
    held = rng.dirichlet(np.full(owner.size, 0.3)) * rng.choice([1.0, 1.0, -1.0], owner.size)
    return Turnover(0.05, held, owner, share, held_elsewhere=0.1, annual_cost=0.008)


def random_groups(upper: np.ndarray, rng: np.random.Generator) -> GroupCaps:
    """Draw caps on two groups that may share assets, or on three that do not; some count their assets twice."""
    count = upper.size
    if rng.random() < 0.5:
        matrix = (rng.random((2, count)) < 0.4).astype(float)
        room = 1.0 - 0.9 * ((1.0 - matrix) * upper).sum(axis=1)
        return GroupCaps(matrix, np.maximum(rng.uniform(0.2, 0.6, 2), room), ("first", "second"))
    height = rng.choice([1.0, 2.0], 3)
    matrix = height[:, None] * (rng.integers(0, 4, count) == np.arange(3)[:, None])
    return GroupCaps(matrix, height * rng.uniform(0.1, 0.5, 3), ("first", "second", "third"))


def random_problem(risk_profile: RiskProfile, kind: str, rng: np.random.Generator) -> RiskProblem:
    """Draw a problem of one risk profile in one kind of market."""
    returns = random_returns(kind, rng)
    count = returns.shape[1]
    upper = np.full(count, min(1.0, float(rng.choice([1.05, 1.5, 3.0, 6.0])) / count))
    if kind == "exact_caps":
        upper = np.full(count, 1.0 / count)
    groups = None
    if count > 1 and kind != "exact_caps" and risk_profile != "risk_parity" and rng.random() < 0.25:
        groups = random_groups(upper, rng)
    return RiskProblem(
        risk_profile=risk_profile,
        covariance=np.cov(returns.T, ddof=1).reshape(count, count) * 252.0,
        upper=upper,
        mean=returns.mean(axis=0) * 252.0,
        past_returns=returns,
        risk_free_rate=float(rng.choice([0.0, 0.02])),
        turnover=random_turnover(count, rng) if rng.random() < 0.6 else None,
        groups=groups,
    )


def objective_shortfall(problem: RiskProblem) -> float | str:
    """Excess of our objective over that of cvxpy, or the name of the reason why there is nothing to compare."""
    try:
        solution = solve(problem)
    except (AllocationInputError, SolverError, InfeasibleError) as refusal:
        return type(refusal).__name__
    if solution.status != "optimal" or solution.solver == "only_feasible_point":
        return solution.status if solution.status != "optimal" else solution.solver
    try:
        reference = solve_by_reference(problem)
    except SolverError:
        return "reference_failed"
    sign = 1.0 if problem.risk_profile in MINIMIZED else -1.0
    return sign * (solution.objective - reference.objective) / max(1.0, abs(reference.objective))


def main(count: int, seed: int) -> int:
    """Compare `count` problems of every kind; return 1 where an objective differs."""
    failures = 0
    for risk_profile in CONVEX_PROFILES:
        for kind in KINDS:
            rng = np.random.default_rng([seed, CONVEX_PROFILES.index(risk_profile), KINDS.index(kind)])
            outcomes = [objective_shortfall(random_problem(risk_profile, kind, rng)) for _ in range(count)]
            numbers = [value for value in outcomes if isinstance(value, float)]
            words = Counter(value for value in outcomes if isinstance(value, str))
            worst = max(map(abs, numbers), default=0.0)
            failures += sum(abs(value) > OBJECTIVE_TOLERANCE for value in numbers)
            print(f"{risk_profile:20s} {kind:11s} compared {len(numbers):4d} worst {worst:.1e} {dict(words)}")
    return 1 if failures else 0


if __name__ == "__main__":
    arguments = [int(value) for value in sys.argv[1:3]] + [500, 2025][len(sys.argv) - 1 :]
    sys.exit(main(*arguments))
