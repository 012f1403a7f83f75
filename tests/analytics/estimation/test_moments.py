"""Moments of pairs against plain sums over the common sessions."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.estimation.moments import center, pairwise_moments


def test_pairwise_moments_count_common_sessions() -> None:
    returns = np.array([[1.0, 2.0], [np.nan, 3.0], [3.0, 5.0]])
    moments = pairwise_moments(returns)
    np.testing.assert_array_equal(moments.overlap, [[2.0, 2.0], [2.0, 3.0]])
    assert moments.covariance[0, 1] == pytest.approx(1.5)
    assert moments.variance[1, 0] == pytest.approx(2.25)
    assert moments.variance[1, 1] == pytest.approx(14.0 / 9.0)


def test_weighted_moments_equal_sums_over_the_common_sessions() -> None:
    rng = np.random.default_rng(5)
    returns, weights = rng.normal(size=(30, 3)), rng.uniform(0.1, 1.0, 30)
    returns[:12, 0], returns[20:, 1] = np.nan, np.nan
    moments = pairwise_moments(returns, weights)
    for i in range(3):
        for j in range(3):
            both = np.isfinite(returns[:, i]) & np.isfinite(returns[:, j])
            w, x, y = weights[both], returns[both, i], returns[both, j]
            x, y = x - np.average(x, weights=w), y - np.average(y, weights=w)
            assert moments.overlap[i, j] == both.sum()
            assert moments.weight[i, j] == pytest.approx(w.sum())
            assert moments.squared_weight[i, j] == pytest.approx((w**2).sum())
            assert moments.covariance[i, j] == pytest.approx(np.average(x * y, weights=w), abs=1e-12)
            assert moments.variance[i, j] == pytest.approx(np.average(x * x, weights=w), abs=1e-12)


def test_a_pair_without_a_common_session_has_no_covariance() -> None:
    moments = pairwise_moments(np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, 2.0]]))
    assert moments.overlap[0, 1] == 0.0
    assert np.isnan(moments.covariance[0, 1])


def test_deviations_are_about_the_mean_of_the_known_returns_and_zero_elsewhere() -> None:
    deviations, mask = center(np.array([[1.0, np.nan, 4.0], [3.0, np.nan, np.nan]]))
    np.testing.assert_array_equal(deviations, [[-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    np.testing.assert_array_equal(mask, [[1.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
