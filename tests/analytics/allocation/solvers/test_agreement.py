"""The solvers compared with cvxpy on random problems of every kind; `benchmarks.agreement` runs more of the same."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.allocation import CONVEX_PROFILES, UnboundedError, solve
from benchmarks.agreement import KINDS, OBJECTIVE_TOLERANCE, objective_shortfall, random_problem

PER_KIND = 6
#: Kinds on which a risk profile rightly has nothing to compare.
WITHOUT_CHOICE = {"exact_caps", "single"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("risk_profile", CONVEX_PROFILES)
def test_the_objective_is_that_of_cvxpy(risk_profile: str, kind: str) -> None:
    rng = np.random.default_rng([11, CONVEX_PROFILES.index(risk_profile), KINDS.index(kind)])
    outcomes = [objective_shortfall(random_problem(risk_profile, kind, rng)) for _ in range(PER_KIND)]
    numbers = [value for value in outcomes if isinstance(value, float)]
    # Two random group caps may rule each other out.
    words = {value for value in outcomes if isinstance(value, str)} - {"InfeasibleError"}
    assert max(map(abs, numbers), default=0.0) <= OBJECTIVE_TOLERANCE
    if kind in WITHOUT_CHOICE:
        assert words <= {"only_feasible_point", "no_positive_excess_return"}
    elif risk_profile == "risk_parity" and kind == "constant":
        assert words == {"AllocationInputError"}
    elif risk_profile == "max_sharpe":
        assert words <= {"no_positive_excess_return", "UnboundedError"}
    else:
        assert words <= {"UnboundedError"}
        assert len(numbers) >= PER_KIND // 2


def test_a_capped_risk_parity_whose_weights_grow_without_bound_is_refused() -> None:
    """One of these ended in a singular matrix once: its weights had grown eight orders beyond their scale."""
    rng = np.random.default_rng([2026, CONVEX_PROFILES.index("risk_parity"), KINDS.index("short")])
    refusals = []
    for _ in range(160):
        try:
            solve(random_problem("risk_parity", "short", rng))
        except UnboundedError as refusal:
            refusals.append(str(refusal))
    assert len(refusals) >= 3
    assert all("no variance" in message for message in refusals)
