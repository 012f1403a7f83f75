"""The interior point alone, compared with the active set and with portfolios known in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.allocation import GroupCaps, SolverError, Turnover
from analytics.allocation.solvers import active_set, interior_point
from analytics.allocation.solvers.group_caps import read_groups
from analytics.allocation.solvers.piecewise_linear import QuadraticForm, box_pieces, turnover_pieces


def form_of(seed: int, count: int = 8) -> QuadraticForm:
    """A quadratic form with caps, linear costs and turnover."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(count, 3))
    covariance = factors @ factors.T * 0.01 + np.diag(rng.uniform(0.01, 0.1, count))
    held = Turnover(1.0, rng.dirichlet(np.ones(count)), np.arange(count), np.ones(count))
    pieces = turnover_pieces(np.full(count, 0.3), held)
    return QuadraticForm(covariance, rng.normal(size=count) * 0.1, pieces, budget=1.0)


@pytest.mark.parametrize("seed", range(6))
def test_the_minimum_is_that_of_the_active_set(seed: int) -> None:
    form = form_of(seed)
    exact = active_set.minimize(form, read_groups(None, 8), tilt=0.02)
    assert exact.is_settled
    np.testing.assert_allclose(interior_point.minimize(form, 0.02, None).weights, exact.weights, atol=1e-6)


def test_a_tight_group_has_the_multiplier_of_its_closed_form() -> None:
    # Without the group the weights are 4/7, 2/7 and 1/7; under the group the gradient differs by its multiplier.
    variances = np.array([0.01, 0.02, 0.04])
    form = QuadraticForm(np.diag(variances), np.zeros(3), box_pieces(np.ones(3)), budget=1.0)
    groups = GroupCaps(np.array([[1.0, 0.0, 0.0]]), np.array([0.4]), ("first",))
    result = interior_point.minimize(form, 1.0, groups)
    np.testing.assert_allclose(result.weights, [0.4, 0.4, 0.2], atol=1e-8)
    assert result.group_multipliers[0] == pytest.approx(0.02 * 0.4 - 0.01 * 0.4, abs=1e-8)


def test_the_maximum_ratio_is_the_tangency_portfolio() -> None:
    mean, variances = np.array([0.06, 0.04, 0.02]), np.array([0.04, 0.02, 0.03])
    form = QuadraticForm(np.diag(variances), -mean, box_pieces(np.ones(3)), budget=1.0)
    tangency = mean / variances / (mean / variances).sum()
    np.testing.assert_allclose(interior_point.maximize_ratio(form, 0.06, None).weights, tangency, atol=1e-7)


def test_an_infeasible_problem_is_an_error_with_the_status_of_the_solver() -> None:
    form = QuadraticForm(np.eye(2), np.zeros(2), box_pieces(np.full(2, 0.4)), budget=1.0)
    with pytest.raises(SolverError, match="minimum variance: PIQP stopped with"):
        interior_point.minimize(form, 1.0, None)
