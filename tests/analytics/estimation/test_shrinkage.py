"""Shrinkage and denoising of matrices, without the panel checks of `estimate_covariance`."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.estimation.shrinkage import (
    denoise_correlation,
    fill_unknown,
    ledoit_wolf,
    ledoit_wolf_pairwise,
    mean_known_correlation,
)


@pytest.mark.parametrize("target", ["identity", "constant_correlation"])
def test_pairwise_shrinkage_of_a_complete_panel_is_ledoit_wolf(target: str) -> None:
    returns = 0.01 * (np.random.default_rng(0).normal(size=(90, 1)) + np.random.default_rng(1).normal(size=(90, 12)))
    whole, paired = ledoit_wolf(returns, target), ledoit_wolf_pairwise(returns, target, np.ones((12, 12), bool))
    assert paired.intensity == pytest.approx(whole.intensity, rel=1e-9)
    np.testing.assert_allclose(paired.matrix, whole.matrix, rtol=1e-9)


def test_denoising_white_noise_leaves_no_correlation() -> None:
    returns = np.random.default_rng(8).normal(size=(1000, 50))
    matrix, n_factors = denoise_correlation(np.corrcoef(returns.T), 20.0)
    assert n_factors == 0
    np.testing.assert_allclose(matrix, np.eye(50), atol=1e-12)


@pytest.mark.parametrize("target", ["identity", "constant_correlation"])
def test_pairs_that_are_unknown_do_not_enter_the_intensity(target: str) -> None:
    returns = np.random.default_rng(2).normal(size=(80, 4)) @ np.diag([1.0, 1.5, 2.0, 3.0])
    apart = returns.copy()
    apart[:40, 0], apart[40:, 1] = np.nan, np.nan
    known = np.ones((4, 4), dtype=bool)
    known[0, 1] = known[1, 0] = False
    shrunk = ledoit_wolf_pairwise(apart, target, known)
    assert 0.0 <= shrunk.intensity <= 1.0
    assert np.isfinite(shrunk.matrix).all()
    np.testing.assert_array_equal(shrunk.matrix, shrunk.matrix.T)


def test_unknown_pairs_take_the_mean_correlation_of_the_known_ones() -> None:
    volatility = np.array([1.0, 2.0, 3.0])
    correlation = np.array([[1.0, 0.6, np.nan], [0.6, 1.0, 0.2], [np.nan, 0.2, 1.0]])
    covariance = correlation * np.outer(volatility, volatility)
    known = np.isfinite(correlation)
    assert mean_known_correlation(covariance, known) == pytest.approx(0.4)
    filled = fill_unknown(covariance, known)
    assert filled[0, 2] == pytest.approx(0.4 * 1.0 * 3.0)
    np.testing.assert_array_equal(filled[known], covariance[known])
    assert mean_known_correlation(covariance, np.eye(3, dtype=bool)) == 0.0


def test_denoising_keeps_the_strong_factor_and_the_unit_diagonal() -> None:
    correlation = np.full((20, 20), 0.5)
    np.fill_diagonal(correlation, 1.0)
    cleaned, n_factors = denoise_correlation(correlation, 10.0)
    assert n_factors == 1
    np.testing.assert_allclose(cleaned, correlation, atol=1e-12)
