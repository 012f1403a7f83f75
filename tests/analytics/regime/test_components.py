"""Components of the market's state against PyWavelets, hand-made vectors and plain loops.

See docs/method/07-regime.md#7.1.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import pywt

from analytics.errors import InputError
from analytics.regime.components import (
    average_correlation,
    drawdown_from_high,
    dwt_turbulence,
    market_stream,
    permutation_entropy,
    volatility_clustering,
    volatility_ratio,
)

RNG = np.random.default_rng(71)
WINDOWS = RNG.standard_t(5, size=(40, 256)) * 0.01


def test_the_volatility_ratio_is_sigma_10_over_sigma_200() -> None:
    expected = [np.std(row[-10:], ddof=1) / np.std(row[-200:], ddof=1) for row in WINDOWS]
    np.testing.assert_allclose(volatility_ratio(WINDOWS), expected, rtol=1e-14)


def test_haar_energies_are_those_of_pywavelets() -> None:
    expected = []
    for row in WINDOWS[:, -64:]:
        _, *details = pywt.wavedec(row, "haar", level=3)
        expected.append(sum(float(level @ level) for level in details) / float(row @ row))
    np.testing.assert_allclose(dwt_turbulence(WINDOWS[:, -64:]), expected, rtol=1e-12)


def test_white_noise_leaves_seven_eighths_of_its_energy_in_the_details() -> None:
    noise = np.random.default_rng(8).standard_normal((4000, 64))
    assert abs(dwt_turbulence(noise).mean() - 7 / 8) < 0.003


def test_alternation_is_all_detail_and_a_constant_none() -> None:
    alternating = np.tile([0.01, -0.01], 32)
    assert dwt_turbulence(np.stack([alternating, np.full(64, 0.01)])) == pytest.approx([1.0, 0.0], abs=1e-15)


def test_a_window_that_is_no_multiple_of_eight_is_refused() -> None:
    with pytest.raises(InputError, match="multiple of 8"):
        dwt_turbulence(np.ones((1, 60)))


def test_volatility_clustering_is_the_lag_one_autocorrelation_of_sizes_and_never_negative() -> None:
    rows = WINDOWS[:, -64:]
    expected = []
    for row in np.abs(rows):
        centred = row - row.mean()
        expected.append(max((centred[1:] * centred[:-1]).sum() / (centred**2).sum(), 0.0))
    np.testing.assert_allclose(volatility_clustering(rows), expected, rtol=1e-12)
    assert 0.0 in expected
    halves = np.concatenate([np.full(32, 0.001), np.full(32, 0.05)]) * np.tile([1, -1], 32)
    assert volatility_clustering(halves[np.newaxis])[0] > 0.9


def test_permutation_entropy_of_hand_made_vectors() -> None:
    rising = np.arange(10.0)
    # Bandt and Pompe's own example: patterns 012 twice, 201 twice, 102 once.
    published = np.array([4.0, 7.0, 9.0, 10.0, 6.0, 11.0, 3.0])
    shares = np.array([2, 2, 1]) / 5
    expected = -(shares * np.log(shares)).sum() / math.log(6)
    assert permutation_entropy(rising[np.newaxis])[0] == 0.0
    assert permutation_entropy(np.ones((1, 12)))[0] == 0.0
    assert permutation_entropy(published[np.newaxis])[0] == pytest.approx(expected, rel=1e-14)
    # Eight numbers that show each of the six orders once.
    every_order = np.array([1.0, 4.0, 2.0, 3.0, 5.0, 2.5, 2.0, 6.0])
    orders = {tuple(np.argsort(every_order[at : at + 3])) for at in range(6)}
    assert len(orders) == 6
    assert permutation_entropy(every_order[np.newaxis])[0] == pytest.approx(1.0, rel=1e-14)


def test_permutation_entropy_counts_the_orders_of_a_stable_sort() -> None:
    rows = np.round(WINDOWS[:, -64:], 2)
    expected = []
    for row in rows:
        seen: dict[tuple[int, ...], int] = {}
        for at in range(62):
            order = tuple(np.argsort(row[at : at + 3], kind="stable").tolist())
            seen[order] = seen.get(order, 0) + 1
        shares = np.array(list(seen.values())) / 62
        expected.append(-(shares * np.log(shares)).sum() / math.log(6))
    np.testing.assert_allclose(permutation_entropy(rows), expected, rtol=1e-12)


def test_drawdown_looks_back_252_closes_and_no_further() -> None:
    returns = np.full(300, 0.0)
    returns[40] = -0.5
    assert drawdown_from_high(returns[np.newaxis, : 40 + 251])[0] == pytest.approx(0.5)
    assert drawdown_from_high(returns[np.newaxis, : 40 + 252])[0] == 0.0
    closes = np.cumprod(1 + WINDOWS, axis=1)[:, -252:]
    np.testing.assert_allclose(drawdown_from_high(WINDOWS), 1 - closes[:, -1] / closes.max(axis=1), atol=1e-13)


def test_average_correlation_is_the_mean_over_pairs_of_the_last_64_sessions() -> None:
    pool = RNG.standard_normal((80, 1)) + RNG.standard_normal((80, 6))
    result = average_correlation(pool)
    assert np.isnan(result[:63]).all()
    for last in (63, 70, 79):
        correlation = np.corrcoef(pool[last - 63 : last + 1].T)
        assert result[last] == pytest.approx(correlation[np.triu_indices(6, 1)].mean(), rel=1e-12)


@pytest.mark.parametrize("n_calendars", [1, 4, 40])
def test_average_correlation_takes_each_pair_on_its_common_sessions(n_calendars: int) -> None:
    """Late listings, early ends and holidays of a market's own; the jump makes it matter which sessions are common."""
    rng = np.random.default_rng(n_calendars)
    pool = rng.standard_normal((64, 1)) * np.where(np.arange(64) < 40, 1.0, 4.0)[:, None] + rng.standard_normal(
        (64, 40)
    )
    closed = rng.random((64, n_calendars)) < 0.1
    closed[: 30 if n_calendars > 1 else 0, 0] = True
    pool[closed[:, np.arange(40) % n_calendars]] = np.nan
    pool[10:, 7] = np.nan  # at most ten sessions: too few to count
    pool[:, 8] = 0.25  # never moves
    expected = []
    for left in range(40):
        for right in range(left):
            both = np.isfinite(pool[:, left]) & np.isfinite(pool[:, right])
            if both.sum() >= 20 and 8 not in (left, right):
                expected.append(np.corrcoef(pool[both, left], pool[both, right])[0, 1])
    assert average_correlation(pool)[63] == pytest.approx(np.mean(expected), rel=1e-10)
    assert np.isnan(average_correlation(pool[:, [0, 7]])[63])


def test_the_market_stream_weights_the_instruments_that_traded_by_value() -> None:
    pool = np.array([[0.01, 0.03, 0.5], [np.nan, 0.02, 0.5], [np.nan, np.nan, 0.5]])
    np.testing.assert_allclose(market_stream(pool, np.array([3e6, 1e6, np.nan])), [0.015, 0.02, np.nan])


@pytest.mark.parametrize(
    ("liquidity", "message"),
    [([1.0], "as many values"), ([1.0, -1.0], "instrument 1 is -1.0"), ([0.0, np.nan], "name a benchmark")],
)
def test_a_pool_without_value_traded_has_no_market_stream(liquidity: list[float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        market_stream(np.zeros((3, 2)), np.array(liquidity))
