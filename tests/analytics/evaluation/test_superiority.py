from __future__ import annotations

import numpy as np
import pytest

from analytics.errors import InputError
from analytics.evaluation.bootstrap import stationary_indices, stationary_weights
from analytics.evaluation.superiority import long_run_deviation, superior_ability

MARKET = np.random.default_rng(99).normal(0.0003, 0.01, 300)


def advantages(seed: int, n: int = 300, k: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.005, (n, k))


def test_the_test_equals_its_definition() -> None:
    noise = advantages(7)
    d = noise - noise.mean(axis=0) + np.array([0.0003, 0.0, -0.0002, -0.004, 0.0001, -0.0001])
    found = superior_ability(MARKET[:, None] + d, MARKET, rng=np.random.default_rng(5), n_samples=200, mean_block=4.0)
    n, keep = 300, 0.75
    indices = stationary_indices(n, mean_block=4.0, n_samples=200, rng=np.random.default_rng(5))
    mean, omega = d.mean(axis=0), np.empty(6)
    for k in range(6):
        c = d[:, k] - mean[k]
        omega[k] = c @ c / n
        for i in range(1, n):
            kernel = (n - i) / n * keep**i + i / n * keep ** (n - i)
            omega[k] += 2 * kernel * float(c[: n - i] @ c[i:]) / n
    omega = np.sqrt(omega)
    statistic = max(0.0, float((np.sqrt(n) * mean / omega).max()))
    is_poor = mean < -omega / np.sqrt(n) * np.sqrt(2 * np.log(np.log(n)))
    assert is_poor.tolist() == [False, False, False, True, False, False]
    count = 0
    for row in indices:
        centred = d[row].mean(axis=0) - np.where(is_poor, 0.0, mean)
        count += max(0.0, float((np.sqrt(n) * centred / omega).max())) >= statistic
    assert found.statistic == pytest.approx(statistic, abs=1e-12)
    assert found.best == 0
    assert found.p_value == count / 200
    assert found.p_lower <= found.p_value <= found.p_upper


def test_the_long_run_deviation_is_that_of_the_bootstrap_itself() -> None:
    noise = np.random.default_rng(2).normal(0, 1, 201)
    series = (noise[1:] + 0.8 * noise[:-1])[:, None]
    weights = stationary_weights(200, mean_block=8.0, n_samples=40_000, rng=np.random.default_rng(3))
    sampled = np.sqrt(200) * (weights @ series)
    assert long_run_deviation(series, 8.0)[0] == pytest.approx(sampled.std(), rel=0.02)
    assert long_run_deviation(series, 1.0)[0] == pytest.approx(series.std(), rel=1e-9)


def test_the_p_value_is_about_uniform_when_nothing_is_better() -> None:
    p_values = np.array(
        [
            superior_ability(
                MARKET[:200, None] + advantages(seed, 200, 5),
                MARKET[:200],
                rng=np.random.default_rng(seed),
                n_samples=200,
                mean_block=1.0,
            ).p_value
            for seed in range(300)
        ]
    )
    # Binomial: four standard errors at 5 % of 300 are 0.05, at 50 % 0.115.
    assert (p_values <= 0.05).mean() <= 0.10
    assert (p_values <= 0.50).mean() == pytest.approx(0.5, abs=0.13)


def test_skill_is_found_and_many_portfolios_make_it_harder() -> None:
    d = advantages(1, 300, 1)
    d = d - d.mean() + 0.0006
    rng = np.random.default_rng
    alone = superior_ability(MARKET[:, None] + d, MARKET, rng=rng(0), n_samples=1000)
    crowd = np.column_stack([d, advantages(2, 300, 60) - 0.0001])
    among = superior_ability(MARKET[:, None] + crowd, MARKET, rng=rng(0), n_samples=1000)
    assert alone.p_value < 0.05
    assert among.p_value > alone.p_value


def test_poor_portfolios_do_not_make_it_harder() -> None:
    d = advantages(1, 300, 1) + 0.0007
    crowd = np.column_stack([d, advantages(2, 300, 60) - 0.01])
    found = superior_ability(MARKET[:, None] + crowd, MARKET, rng=np.random.default_rng(0), mean_block=2.0)
    alone = superior_ability(MARKET[:, None] + d, MARKET, rng=np.random.default_rng(0), mean_block=2.0)
    assert found.p_value == alone.p_value
    assert found.p_upper > found.p_value


def test_when_nothing_beats_the_market_the_p_value_is_one() -> None:
    found = superior_ability(
        MARKET[:, None] + advantages(3) - 0.002, MARKET, rng=np.random.default_rng(0), n_samples=100
    )
    assert (found.statistic, found.p_value) == (0.0, 1.0)


def test_a_copy_of_the_benchmark_is_refused() -> None:
    with pytest.raises(InputError, match="portfolio 1 differs from the benchmark by a constant"):
        superior_ability(np.column_stack([MARKET * 2, MARKET]), MARKET, rng=np.random.default_rng(0))
    with pytest.raises(InputError, match="benchmark of shape"):
        superior_ability(MARKET[:, None], MARKET[1:], rng=np.random.default_rng(0))
