"""Caps below, at and above the budget, and caps imposed on recipes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.allocation import CapInfeasibleError, GroupCaps, RiskProblem, solve
from analytics.allocation.solvers.cap_feasibility import impose_caps
from analytics.errors import InfeasibleError

COVARIANCE = np.diag([0.01, 0.04, 0.09, 0.16])


def test_caps_below_the_budget_are_refused_with_cap_count_and_both_remedies() -> None:
    with pytest.raises(CapInfeasibleError) as refusal:
        solve(RiskProblem("min_variance", COVARIANCE, np.full(4, 0.2)))
    text = str(refusal.value)
    assert "cap 0.2 on K = 4" in text
    assert "at least 5" in text
    assert "cash_allowed: true" in text
    assert (refusal.value.cap, refusal.value.count) == (0.2, 4)


def test_the_budget_above_the_caps_stays_uninvested_where_that_is_allowed() -> None:
    solution = solve(RiskProblem("risk_parity", COVARIANCE, np.full(4, 0.2), is_partial_allowed=True))
    np.testing.assert_allclose(solution.weights, 0.2)
    assert "leave no choice" in solution.message


@pytest.mark.parametrize(
    "risk_profile", ["min_variance", "risk_parity", "max_sharpe", "min_cvar", "max_diversification", "hrp"]
)
def test_caps_that_just_hold_the_budget_leave_one_portfolio(risk_profile: str) -> None:
    # 10 * 0.1 is 0.9999999999999999 when summed; that is a full budget.
    covariance = np.diag(np.linspace(0.01, 0.1, 10))
    returns = np.random.default_rng(0).normal(size=(100, 10))
    solution = solve(
        RiskProblem(risk_profile, covariance, np.full(10, 0.1), mean=np.linspace(0.01, 0.2, 10), past_returns=returns)
    )
    np.testing.assert_allclose(solution.weights, 0.1, atol=1e-12)
    assert solution.weights.sum() == pytest.approx(1.0, abs=1e-12)


def test_a_recipe_above_its_cap_is_cut_and_the_solution_says_so() -> None:
    solution = solve(RiskProblem("inverse_volatility", COVARIANCE, np.full(4, 0.4), names=("a", "b", "c", "d")))
    raw = np.array([1 / 0.1, 1 / 0.2, 1 / 0.3, 1 / 0.4])
    rest = raw[1:] / raw[1:].sum() * 0.6
    np.testing.assert_allclose(solution.weights, [0.4, *rest])
    assert solution.binding == ("projected_cap:a",)
    assert "cut" in solution.message


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 100_000), count=st.integers(1, 12), looseness=st.floats(1.0, 4.0))
def test_imposed_caps_keep_the_sum_and_the_order(seed: int, count: int, looseness: float) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.full(count, 0.4))
    upper = np.full(count, min(1.0, looseness / count))
    cut, capped = impose_caps(weights, upper)
    assert cut.sum() == pytest.approx(1.0, abs=1e-9)
    assert cut.max() <= upper[0] * (1 + 1e-9)
    assert cut.min() >= 0.0
    assert np.all(np.diff(cut[np.argsort(weights)]) >= -1e-12)
    if weights.max() <= upper[0]:
        assert not capped.any()
        np.testing.assert_array_equal(cut, weights)


def test_zero_weights_take_the_excess_when_no_other_weight_can() -> None:
    cut, capped = impose_caps(np.array([1.0, 0.0, 0.0]), np.array([0.4, 0.4, 0.4]))
    np.testing.assert_allclose(cut, [0.4, 0.3, 0.3])
    assert capped.tolist() == [True, False, False]


def test_impossible_group_caps_are_named_with_their_shortfall() -> None:
    groups = GroupCaps(np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]]), np.array([0.3, 0.5]), ("east", "west"))
    with pytest.raises(InfeasibleError, match=r"(east|west) \(limit 0\.[35], short by 0\.2\)"):
        solve(RiskProblem("min_variance", COVARIANCE, np.ones(4), groups=groups))
