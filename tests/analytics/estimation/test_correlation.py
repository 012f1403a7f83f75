"""Correlations and distances of pairs against NumPy and pandas.

See docs/method/03-dependence.md#3.1, 3.2, 3.4.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.errors import InputError, ShortHistoryError
from analytics.estimation.correlation import (
    blended_distance,
    correlation_distance,
    exclude_sparse,
    held_correlation,
    pairwise_correlation,
)


def sample(n_sessions: int = 220, n_instruments: int = 6, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 0.01 * (rng.normal(size=(n_sessions, 1)) + rng.normal(size=(n_sessions, n_instruments)))


def test_complete_correlation_equals_numpy() -> None:
    returns = sample()
    np.testing.assert_allclose(pairwise_correlation(returns), np.corrcoef(returns.T), rtol=0, atol=1e-13)


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_correlation_with_gaps_equals_pandas(seed: int) -> None:
    returns = sample(60, 5, seed)
    returns[np.random.default_rng(seed + 1).random(returns.shape) < 0.3] = np.nan
    returns[:25, 0] = np.nan
    theirs = pd.DataFrame(returns).corr(min_periods=20).to_numpy(copy=True)
    ours = pairwise_correlation(returns)
    np.fill_diagonal(theirs, 1.0)
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


def test_a_pair_with_nineteen_common_sessions_is_null_and_with_twenty_is_not() -> None:
    returns = sample(40, 3)
    returns[19:, 0] = np.nan
    returns[20:, 1] = np.nan
    correlation = pairwise_correlation(returns)
    assert np.isnan(correlation[0, 2])
    assert np.isfinite(correlation[1, 2])
    assert np.isnan(correlation[0, 1])


def test_a_pair_that_does_not_move_on_its_common_sessions_is_null() -> None:
    returns = sample(80, 3)
    returns[40:, 0] = 0.003
    returns[:40, 1] = np.nan
    correlation = pairwise_correlation(returns)
    assert np.isnan(correlation[0, 1])
    assert np.isfinite(correlation[0, 2])


def test_a_short_held_against_a_long_flips_the_sign() -> None:
    correlation = pairwise_correlation(sample())
    held = held_correlation(correlation, [1, -1, 1, -1, 1, 1])
    assert held[0, 1] == -correlation[0, 1]
    assert held[1, 3] == correlation[1, 3]
    np.testing.assert_array_equal(np.diag(held), np.ones(6))
    signs = np.array([1, -1, 1, -1, 1, 1])
    np.testing.assert_allclose(held, np.corrcoef((sample() * signs).T), atol=1e-13)


def test_distance_of_known_correlations() -> None:
    distance = correlation_distance(np.array([[1.0, 0.0, -1.0], [0.0, 1.0, 0.5], [-1.0, 0.5, np.nan]]))
    np.testing.assert_allclose(distance[0], [0.0, np.sqrt(0.5), 1.0])
    assert distance[1, 2] == 0.5
    assert np.isnan(distance[2, 2])


def test_blended_distance_is_the_mean_over_the_lookbacks_that_fit() -> None:
    returns = sample(150, 4)
    signs = np.array([1, 1, -1, 1])
    blended = blended_distance(returns, signs)
    assert blended.lookbacks == (60, 120)
    parts = [np.corrcoef((returns[-n:] * signs).T) for n in (60, 120)]
    np.testing.assert_allclose(
        blended.distance, np.mean([np.sqrt(np.clip(1 - p, 0, 2) / 2) for p in parts], axis=0), atol=1e-7
    )
    np.testing.assert_allclose(blended.correlation, np.mean(parts, axis=0), atol=1e-12)


def test_without_a_fitting_lookback_the_whole_panel_is_the_lookback() -> None:
    blended = blended_distance(sample(45, 3), [1, 1, 1])
    assert blended.lookbacks == (45,)
    np.testing.assert_allclose(blended.correlation, np.corrcoef(sample(45, 3).T), atol=1e-12)


def test_a_pair_known_in_the_long_lookback_only_takes_its_distance_from_there() -> None:
    returns = sample(120, 3)
    returns[-45:, 0] = np.nan
    blended = blended_distance(returns, [1, 1, 1], (60, 120))
    expected = np.corrcoef(returns[:75, 0], returns[:75, 1])[0, 1]
    assert blended.correlation[0, 1] == pytest.approx(expected, abs=1e-12)
    assert blended.distance[0, 1] == pytest.approx(np.sqrt((1 - expected) / 2), abs=1e-12)


def test_older_sessions_than_the_longest_lookback_change_nothing() -> None:
    returns = sample(260, 4)
    other = returns.copy()
    other[:60] = np.random.default_rng(99).normal(size=(60, 4))
    first, second = (blended_distance(panel, np.ones(4)) for panel in (returns, other))
    np.testing.assert_array_equal(first.distance, second.distance)


def test_lookbacks_shorter_than_the_overlap_are_refused() -> None:
    with pytest.raises(InputError, match="min_overlap"):
        blended_distance(sample(), np.ones(6), (10, 60))
    with pytest.raises(ShortHistoryError, match="19 sessions"):
        blended_distance(sample(19), np.ones(6))


def test_instruments_with_more_than_half_of_their_pairs_unknown_are_excluded_worst_first() -> None:
    correlation = np.eye(5)
    correlation[:4, :4] = 0.5
    correlation[4, :4] = correlation[:4, 4] = np.nan
    correlation[0, 1] = correlation[1, 0] = np.nan
    subset = exclude_sparse(correlation, ["A", "B", "C", "D", "E"])
    assert subset.kept.tolist() == [0, 1, 2, 3]
    assert subset.excluded == (("E", "sparse overlap: 4 of 4 pairs unknown"),)


def test_an_instrument_with_exactly_half_of_its_pairs_unknown_stays() -> None:
    correlation = np.full((5, 5), 0.3)
    correlation[0, 1] = correlation[1, 0] = correlation[0, 2] = correlation[2, 0] = np.nan
    assert exclude_sparse(correlation, list("ABCDE")).excluded == ()


def test_of_equally_sparse_instruments_the_later_name_is_excluded_first() -> None:
    correlation = np.where(np.eye(3, dtype=bool), 1.0, np.nan)
    subset = exclude_sparse(correlation, ["B", "A", "C"])
    assert [symbol for symbol, _ in subset.excluded] == ["B", "C"]
    assert subset.kept.tolist() == [1]


def test_the_exclusions_do_not_depend_on_order() -> None:
    rng = np.random.default_rng(2)
    names = np.array([f"S{i:02d}" for i in range(14)])
    correlation = np.where(rng.random((14, 14)) < 0.55, np.nan, 0.2)
    correlation = np.triu(correlation, 1) + np.triu(correlation, 1).T + np.eye(14)
    base = exclude_sparse(correlation, names.tolist())
    assert base.excluded
    for _ in range(5):
        order = rng.permutation(14)
        subset = exclude_sparse(correlation[np.ix_(order, order)], names[order].tolist())
        assert subset.excluded == base.excluded
        assert sorted(names[order][subset.kept]) == sorted(names[base.kept])
