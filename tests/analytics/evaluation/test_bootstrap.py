from __future__ import annotations

import numpy as np
import pytest

from analytics._typing import FloatMatrix, FloatVector
from analytics.errors import InputError, ShortHistoryError
from analytics.evaluation.bootstrap import (
    bootstrap_interval,
    common_block,
    optimal_block,
    stationary_indices,
    stationary_weights,
)


def autoregressive(n: int, slope: float, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 1, n)
    series = np.empty(n)
    series[0] = noise[0]
    for t in range(1, n):
        series[t] = slope * series[t - 1] + noise[t]
    return series


def test_blocks_are_consecutive_wrap_around_and_have_the_mean_length() -> None:
    indices = stationary_indices(500, mean_block=10.0, n_samples=400, rng=np.random.default_rng(0))
    assert indices.shape == (400, 500)
    assert indices.min() == 0
    assert indices.max() == 499
    follows = indices[:, 1:] == (indices[:, :-1] + 1) % 500
    # A block goes on with probability 0.9, or a new one happens to begin there: 0.9 + 0.1/500.
    assert follows.mean() == pytest.approx(0.9002, abs=4 * np.sqrt(0.09 / follows.size))
    wraps = follows & (indices[:, 1:] == 0)
    assert wraps.any()


def test_every_session_is_equally_likely() -> None:
    weights = stationary_weights(50, mean_block=5.0, n_samples=20_000, rng=np.random.default_rng(1))
    assert weights.sum(axis=1) == pytest.approx(np.ones(20_000), abs=1e-12)
    assert weights.mean(axis=0) == pytest.approx(np.full(50, 0.02), abs=1e-3)


def test_weights_are_the_shares_of_the_indices() -> None:
    series = np.random.default_rng(5).normal(size=40)
    indices = stationary_indices(40, mean_block=4.0, n_samples=30, rng=np.random.default_rng(2))
    weights = stationary_weights(40, mean_block=4.0, n_samples=30, rng=np.random.default_rng(2))
    assert weights @ series == pytest.approx(series[indices].mean(axis=1), abs=1e-12)


def test_the_same_generator_gives_the_same_samples() -> None:
    first, second = (
        stationary_indices(30, mean_block=3.0, n_samples=5, rng=np.random.default_rng(seed)) for seed in (4, 4)
    )
    other = stationary_indices(30, mean_block=3.0, n_samples=5, rng=np.random.default_rng(5))
    assert (first == second).all()
    assert (first != other).any()


@pytest.mark.parametrize("slope", [0.3, 0.6])
def test_the_block_length_is_the_theoretical_one_for_an_autoregression(slope: float) -> None:
    # For AR(1) the optimum is ((2 a / (1 - a^2))^2 n)^(1/3) (Politis, White 2004, section 3).
    n = 20_000
    expected = ((2 * slope / (1 - slope**2)) ** 2 * n) ** (1 / 3)
    found = np.mean([optimal_block(autoregressive(n, slope, seed)) for seed in range(5)])
    assert found == pytest.approx(expected, rel=0.15)


def test_dependence_lengthens_the_block_and_noise_needs_almost_none() -> None:
    noise = autoregressive(1000, 0.0, 1)
    trend = autoregressive(1000, 0.8, 1)
    assert optimal_block(noise) < 6 < optimal_block(trend)
    assert common_block(np.column_stack([noise, trend])) == pytest.approx(optimal_block(trend), rel=1e-9)
    assert optimal_block(np.full(30, 0.1)) == 1.0
    with pytest.raises(ShortHistoryError, match="20 sessions, the series has 19"):
        optimal_block(noise[:19])


def column_means(sampled: FloatMatrix) -> FloatVector:
    return np.asarray(sampled.mean(axis=0), dtype=np.float64)


def test_the_interval_of_a_mean_covers_it_as_often_as_it_says() -> None:
    hits = 0
    for seed in range(200):
        series = autoregressive(300, 0.3, seed)
        interval = bootstrap_interval(series, column_means, rng=np.random.default_rng(seed), n_samples=300, level=0.9)
        assert interval.lower < interval.estimate < interval.upper
        hits += interval.lower <= 0.0 <= interval.upper
    # 90 % asked; a plain bootstrap would reach about 76 % on this series. Four standard errors are 0.085.
    assert 0.815 <= hits / 200 <= 0.96


def test_an_undefined_sample_is_refused_and_not_dropped() -> None:
    def ratio(sampled: FloatMatrix) -> FloatVector:
        with np.errstate(invalid="ignore"):
            return np.asarray(sampled.max(axis=0) / (sampled.max(axis=0) != 0), dtype=np.float64)

    series = np.zeros(30)
    series[0] = 1.0
    with pytest.raises(InputError, match="undefined on"):
        bootstrap_interval(series, ratio, rng=np.random.default_rng(0), mean_block=1.0, n_samples=50)
    with pytest.raises(InputError, match="at least 1"):
        stationary_indices(10, mean_block=0.5, n_samples=1, rng=np.random.default_rng(0))
