"""Weights of Lopez de Prado (2016), "Building Diversified Portfolios that Outperform Out of Sample", exhibit 6.

The paper's example: ten series, the last five noisy copies of some of the first, seed 12345.
"""

from __future__ import annotations

import random

import numpy as np
import pytest

from analytics.allocation import RiskProblem, solve

ROUNDING = 0.005 + 1e-9
PUBLISHED = {
    "hrp": [7.00, 7.59, 10.84, 19.03, 9.72, 10.19, 6.62, 9.10, 7.12, 12.79],
    "min_variance": [14.44, 19.93, 19.73, 19.87, 18.68, 0.0, 5.86, 1.49, 0.0, 0.0],
}
INVERSE_VARIANCE = [10.36, 10.28, 10.36, 10.25, 10.31, 9.74, 9.80, 9.65, 9.64, 9.61]


@pytest.fixture(scope="module")
def covariance() -> np.ndarray:
    generator = np.random.RandomState(12345)
    picker = random.Random(12345)  # noqa: S311 the paper's own generator
    first = generator.normal(0, 1, (10000, 5))
    copied = [int(picker.random() * 5) for _ in range(5)]
    return np.cov(np.hstack([first, first[:, copied] + generator.normal(0, 0.25, (10000, 5))]).T)


@pytest.mark.parametrize("risk_profile", sorted(PUBLISHED))
def test_the_published_weights_are_reproduced_up_to_rounding(covariance: np.ndarray, risk_profile: str) -> None:
    solution = solve(RiskProblem(risk_profile, covariance, np.ones(10)))
    np.testing.assert_allclose(100 * solution.weights, PUBLISHED[risk_profile], atol=ROUNDING)


def test_the_published_inverse_variance_weights_follow_from_squared_variances(
    covariance: np.ndarray,
) -> None:
    # IVP is 1/variance: the inverse volatility of the squared variances.
    solution = solve(RiskProblem("inverse_volatility", np.diag(covariance.diagonal() ** 2), np.ones(10)))
    np.testing.assert_allclose(100 * solution.weights, INVERSE_VARIANCE, atol=ROUNDING)


def test_the_plain_variant_is_another_portfolio(covariance: np.ndarray) -> None:
    plain = solve(RiskProblem("hrp_plain", covariance, np.ones(10))).weights
    assert np.abs(100 * plain - PUBLISHED["hrp"]).max() > 4.0
