"""Starting weights: the long-only optimum where the covariance is a one-factor model, feasible weights elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.allocation import RiskProblem, solve
from analytics.allocation.solvers.starting_weights import guess_weights


def test_in_a_one_factor_market_the_same_assets_are_held_as_at_the_optimum() -> None:
    rng = np.random.default_rng(0)
    loadings = rng.uniform(0.05, 0.3, 20)
    covariance = np.outer(loadings, loadings) + np.diag(np.full(20, 0.01))
    optimum = solve(RiskProblem("min_variance", covariance, np.ones(20))).weights
    weights = guess_weights(covariance, np.ones(20), 1.0)
    assert 0 < np.count_nonzero(optimum > 1e-9) < 20
    np.testing.assert_allclose(weights, optimum, atol=0.05)
    np.testing.assert_array_equal(weights > 1e-9, optimum > 1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_weights_are_nonnegative_and_sum_to_the_budget(seed: int) -> None:
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(12, 4))
    weights = guess_weights(factors @ factors.T, rng.normal(size=12), 0.8)
    assert weights.min() >= 0.0
    assert weights.sum() == pytest.approx(0.8)


def test_weights_are_equal_where_the_covariance_has_no_factor_or_no_asset_has_appeal() -> None:
    np.testing.assert_array_equal(guess_weights(np.array([[1.0, -1.0], [-1.0, 1.0]]), np.ones(2), 1.0), [0.5, 0.5])
    np.testing.assert_array_equal(guess_weights(np.eye(4) + 0.5, -np.ones(4), 1.0), np.full(4, 0.25))
