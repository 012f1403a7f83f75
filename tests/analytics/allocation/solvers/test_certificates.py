"""Residuals and gap of weights, compared with optima known in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.allocation import GroupCaps
from analytics.allocation.solvers.certificates import (
    RESIDUAL_TOLERANCE,
    Certificate,
    certify_quadratic,
    primal_residual,
    with_groups,
)
from analytics.allocation.solvers.piecewise_linear import QuadraticForm, box_pieces

VARIANCES = np.array([0.01, 0.02, 0.04])
OPTIMUM = (1 / VARIANCES) / (1 / VARIANCES).sum()
FORM = QuadraticForm(np.diag(VARIANCES), np.zeros(3), box_pieces(np.ones(3)), budget=1.0)
GROUP = GroupCaps(np.array([[1.0, 1.0, 0.0]]), np.array([0.7]), ("first two",))


def certificate_of(weights: np.ndarray) -> Certificate:
    return certify_quadratic(FORM, weights, tilt=1.0, scale=1.0, groups=None, group_multipliers=np.zeros(0))


def test_the_minimum_variance_portfolio_is_accepted() -> None:
    certificate = certificate_of(OPTIMUM)
    assert certificate.is_accepted
    assert max(certificate.primal_residual, certificate.dual_residual, certificate.gap) <= 1e-15


@pytest.mark.parametrize("seed", range(5))
def test_the_gap_bounds_the_suboptimality_of_other_weights(seed: int) -> None:
    weights = np.random.default_rng(seed).dirichlet(np.ones(3))
    certificate = certificate_of(weights)
    excess = 0.5 * (FORM.variance(weights) - FORM.variance(OPTIMUM))
    assert excess <= certificate.gap
    assert certificate.dual_residual > RESIDUAL_TOLERANCE
    assert not certificate.is_accepted


def test_the_primal_residual_is_the_largest_violation() -> None:
    weights, upper = np.array([0.5, 0.4, 0.1]), np.full(3, 0.6)
    assert primal_residual(weights, upper, 1.0) == 0.0
    assert primal_residual(weights, upper, 0.9) == pytest.approx(0.1)
    assert primal_residual(weights, np.full(3, 0.3), 1.0) == pytest.approx(0.2)
    assert primal_residual(np.array([0.6, 0.45, -0.05]), upper, 1.0) == pytest.approx(0.05)
    assert primal_residual(weights, upper, 1.0, GROUP) == pytest.approx(0.2)


def test_a_multiplier_on_a_loose_group_adds_its_slackness() -> None:
    gradient, slackness = with_groups(np.zeros(3), np.array([0.3, 0.2, 0.5]), GROUP, np.array([2.0]))
    np.testing.assert_array_equal(gradient, [2.0, 2.0, 0.0])
    assert slackness == pytest.approx(2.0 * 0.2)
    gradient, slackness = with_groups(np.zeros(3), np.array([0.3, 0.2, 0.5]), GROUP, np.array([-1.0]))
    np.testing.assert_array_equal(gradient, np.zeros(3))
    assert slackness == 0.0


@pytest.mark.parametrize("position", range(3))
def test_a_certificate_with_nan_is_not_accepted(position: int) -> None:
    residuals = [1e-16, 1e-16, 1e-16]
    assert Certificate(*residuals).is_accepted
    residuals[position] = float("nan")
    assert not Certificate(*residuals).is_accepted
