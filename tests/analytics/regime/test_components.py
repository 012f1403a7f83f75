"""Components of the market's state against hand-made vectors and plain loops.

See docs/method/07-regime.md#7.2.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from analytics.errors import InputError
from analytics.regime.components import (
    average_correlation,
    drawdown_from_high,
    market_stream,
    permutation_entropy,
    spectral_level,
    volatility_clustering,
    volatility_level,
    volatility_ratio,
)
from analytics.settings import RegimeSettings

RNG = np.random.default_rng(71)
STREAM = RNG.standard_t(5, size=400) * 0.01
SETTINGS = RegimeSettings()


def test_the_level_is_the_volatility_over_its_shrunk_median() -> None:
    settings = RegimeSettings(half_life_sessions=1, prior_sessions=2.0)
    stream = np.full(5, 0.02)
    stream[4] = 0.04
    result = volatility_level(stream, 0.01, settings)
    # The first two values are not counted; then 0.02 stands once, twice, and beside one larger value.
    shares = np.array([1.0, 1.0, 2 / 3, 2 / 4, 2 / 5])
    np.testing.assert_allclose(result.prior_share, shares, rtol=1e-14)
    np.testing.assert_allclose(result.long_run, 0.01**shares * 0.02 ** (1 - shares), rtol=1e-14)
    weights = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    newest = math.sqrt((weights[:4].sum() * 0.02**2 + 16 * 0.04**2) / weights.sum())
    np.testing.assert_allclose(result.level[:4], 0.02 / result.long_run[:4], rtol=1e-12)
    assert result.level[4] == pytest.approx(newest / result.long_run[4], rel=1e-12)


def test_a_stream_that_does_not_move_yet_counts_for_nothing() -> None:
    stream = np.concatenate([np.zeros(100), STREAM])
    still = volatility_level(stream, 0.01, SETTINGS)
    assert (still.level[:100] == 0.0).all()
    np.testing.assert_allclose(still.long_run[:100], 0.01, rtol=1e-14)
    assert (still.prior_share[:100] == 1.0).all()
    assert np.isfinite(still.level).all()


def test_the_spectral_level_is_one_when_the_spectrum_is_that_of_the_prior_and_doubles_with_it() -> None:
    settings = RegimeSettings(prior_sessions=1e12)
    noise = 0.01 * np.random.default_rng(3).standard_normal(40_000)
    levels = spectral_level(noise, 0.01, settings)
    # The largest of three ratios that scatter about 1 lies above 1.
    assert 1.0 < np.nanmean(levels) < 1.25
    np.testing.assert_allclose(spectral_level(2.0 * noise, 0.01, settings), 2.0 * levels, rtol=1e-6)
    assert np.isnan(levels[:63]).all()


def test_the_spectral_level_is_the_largest_of_the_scales() -> None:
    settings = RegimeSettings(prior_sessions=1e12)
    # A square wave of period eight has all its change at the scale of four sessions.
    wave = np.tile(np.repeat([0.01, -0.01], 4), 8)
    slow = spectral_level(wave, 0.01, settings)[-1]
    windows = np.lib.stride_tricks.sliding_window_view(wave, 8)
    coefficients = (windows[:, 4:].sum(axis=1) - windows[:, :4].sum(axis=1)) / 8
    assert slow == pytest.approx(math.sqrt(float((coefficients**2).mean()) * 8) / 0.01, rel=1e-9)
    assert slow > spectral_level(np.tile([0.01, -0.01], 32), 0.01, settings)[-1]


@pytest.mark.parametrize("last", [63, 64, 150, 198, 199, 200, 399])
def test_the_volatility_ratio_is_sigma_10_over_sigma_200_or_what_there_is(last: int) -> None:
    past = STREAM[: last + 1]
    expected = past[-10:].std(ddof=1) / past[-200:].std(ddof=1)
    assert volatility_ratio(STREAM)[last] == pytest.approx(expected, rel=1e-13)
    assert volatility_ratio(past)[-1] == volatility_ratio(STREAM)[last]
    assert np.isnan(volatility_ratio(STREAM)[:63]).all()


def test_volatility_clustering_is_the_lag_one_autocorrelation_of_sizes_and_never_negative() -> None:
    result = volatility_clustering(STREAM)
    expected = []
    for last in range(63, 400):
        row = np.abs(STREAM[last - 63 : last + 1])
        centred = row - row.mean()
        expected.append(max((centred[1:] * centred[:-1]).sum() / (centred**2).sum(), 0.0))
    np.testing.assert_allclose(result[63:], expected, rtol=1e-12)
    assert 0.0 in expected
    assert np.isnan(result[:63]).all()


def test_permutation_entropy_of_hand_made_vectors() -> None:
    assert permutation_entropy(np.arange(64.0))[-1] == 0.0
    assert permutation_entropy(np.ones(64))[-1] == 0.0
    # 62 patterns of a swing: 31 that rise and fall, 31 that fall and rise; equal neighbours count as rising.
    assert permutation_entropy(np.tile([0.0, 1.0], 32))[-1] == pytest.approx(math.log(2) / math.log(6), rel=1e-14)
    noise = np.random.default_rng(1).standard_normal(2000)
    assert 0.9 < np.nanmean(permutation_entropy(noise)) < 1.0


def test_permutation_entropy_counts_the_orders_of_a_stable_sort() -> None:
    stream = np.round(STREAM, 2)
    expected = []
    for last in range(63, 400):
        row = stream[last - 63 : last + 1]
        seen: dict[tuple[int, ...], int] = {}
        for at in range(62):
            order = tuple(np.argsort(row[at : at + 3], kind="stable").tolist())
            seen[order] = seen.get(order, 0) + 1
        shares = np.array(list(seen.values())) / 62
        expected.append(-(shares * np.log(shares)).sum() / math.log(6))
    np.testing.assert_allclose(permutation_entropy(stream)[63:], expected, rtol=1e-12)


def test_drawdown_looks_back_252_closes_and_no_further() -> None:
    returns = np.full(300, 0.0)
    returns[40] = -0.5
    drawdowns = drawdown_from_high(returns)
    np.testing.assert_allclose(drawdowns[40 : 40 + 251], 0.5)
    assert (drawdowns[40 + 251 :] == 0.0).all()
    assert (drawdowns[:40] == 0.0).all()
    closes = np.concatenate([[1.0], np.cumprod(1 + STREAM)])
    for last in (0, 100, 399):
        expected = 1 - closes[last + 1] / closes[max(last + 1 - 251, 0) : last + 2].max()
        assert drawdown_from_high(STREAM)[last] == pytest.approx(expected, abs=1e-13)


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
