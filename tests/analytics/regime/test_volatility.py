"""Volatility, its long-run median and the wavelet variance against plain loops, PyWavelets and answers by hand.

See docs/method/07-regime.md#7.2.
"""

from __future__ import annotations

import numpy as np
import pytest
import pywt

from analytics.regime.volatility import ewma_volatility, expanding_median, haar_variances, shrunk_median

STREAM = 0.01 * np.random.default_rng(71).standard_t(5, size=400)


@pytest.mark.parametrize("half_life", [1, 10])
def test_the_volatility_is_a_weighted_mean_of_squares_whose_weights_halve(half_life: int) -> None:
    volatility = ewma_volatility(STREAM, half_life)
    for last in (0, 7, 399):
        weights = 0.5 ** (np.arange(last, -1, -1) / half_life)
        expected = np.sqrt(np.average(STREAM[: last + 1] ** 2, weights=weights))
        assert volatility[last] == pytest.approx(expected, rel=1e-12)


def test_the_median_is_that_of_all_values_so_far() -> None:
    values = np.abs(STREAM[:60]).copy()
    values[[0, 5, 30]] = np.nan
    medians = expanding_median(values)
    assert np.isnan(medians[0])
    for last in range(1, 60):
        assert medians[last] == np.nanmedian(values[: last + 1])


def test_the_prior_counts_for_its_sessions_in_logs() -> None:
    values = np.array([0.0, np.nan, 0.04, 0.04])
    # No value, then one and two values of 0.04 against a prior of 0.01 that counts for two sessions.
    expected = [0.01, 0.01, 0.01 * 4 ** (1 / 3), 0.01 * 4 ** (2 / 4)]
    np.testing.assert_allclose(shrunk_median(values, 0.01, 2.0), expected, rtol=1e-14)


def test_without_a_weight_of_the_prior_the_median_stands_alone() -> None:
    np.testing.assert_allclose(shrunk_median(np.array([0.0, 0.02, 0.04]), 0.01, 0.0), [0.01, 0.02, 0.03], rtol=1e-14)


def test_wavelet_variances_are_those_of_pywavelets() -> None:
    variances = haar_variances(STREAM, 64)
    assert np.isnan(variances[:62]).all()
    for last in (63, 200, 399):
        window = STREAM[last - 63 : last + 1]
        # The stationary transform wraps round, and its coefficients are sqrt(2**level) times those of the maximal overlap.
        for level, (_, details) in enumerate(reversed(pywt.swt(window, "haar", level=3)), start=1):
            inside = details[: 64 - 2**level + 1] / np.sqrt(2.0**level)
            assert variances[last, level - 1] == pytest.approx(float(np.mean(inside**2)), rel=1e-10)


def test_white_noise_has_half_the_variance_at_each_longer_scale() -> None:
    noise = np.random.default_rng(8).standard_normal(200_000)
    np.testing.assert_allclose(haar_variances(noise, 64)[63:].mean(axis=0), [1 / 2, 1 / 4, 1 / 8], rtol=0.02)


def test_a_trend_has_no_variance_and_a_swing_all_of_it_at_the_shortest_scale() -> None:
    np.testing.assert_allclose(haar_variances(np.full(64, 0.01), 64)[-1], 0.0, atol=1e-20)
    np.testing.assert_allclose(haar_variances(np.tile([0.01, -0.01], 32), 64)[-1], [1e-4, 0.0, 0.0], atol=1e-20)


@pytest.mark.parametrize("known", [64, 65, 200, 399])
def test_values_do_not_depend_on_later_returns_in_any_bit(known: int) -> None:
    cut = STREAM[:known]
    np.testing.assert_array_equal(ewma_volatility(cut, 10), ewma_volatility(STREAM, 10)[:known])
    np.testing.assert_array_equal(haar_variances(cut, 64), haar_variances(STREAM, 64)[:known])
    whole = shrunk_median(np.abs(STREAM), 0.01, 750.0)
    np.testing.assert_array_equal(shrunk_median(np.abs(cut), 0.01, 750.0), whole[:known])
