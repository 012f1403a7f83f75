"""Blends inside clusters and the returns of the clusters, recomputed from their definitions."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.allocation import AllocationInputError, blend_members, compute_cluster_returns
from analytics.allocation.cluster_returns import lifetimes

SYMBOLS = ("SIMX:A", "SIMX:B", "SIMX:C", "SIMX:D")


def past(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(80, 4)) * np.array([0.01, 0.02, 0.01, 0.03])


def test_the_blend_is_half_inverse_variance_and_half_momentum_rank() -> None:
    returns, directions = past(), np.array([1, -1, 1, 1])
    blend = blend_members(returns, directions, np.array([7, 7, 3, 7]), SYMBOLS)
    assert blend.shape == (4, 2)
    members = [0, 1, 3]
    inverse = 1 / returns[:, members].var(axis=0, ddof=1)
    momentum = returns[:, members].mean(axis=0) * directions[members]
    ranks = momentum.argsort().argsort() + 1
    np.testing.assert_allclose(blend[members, 1], 0.5 * inverse / inverse.sum() + 0.5 * ranks / ranks.sum(), rtol=1e-12)
    np.testing.assert_array_equal(blend[:, 0], [0, 0, 1, 0])
    np.testing.assert_allclose(blend.sum(axis=0), 1.0)


def test_without_alpha_weighting_the_blend_is_inverse_variance() -> None:
    returns = past()
    blend = blend_members(returns, np.ones(4, dtype=int), np.ones(4, dtype=int), SYMBOLS, alpha_weighting=False)
    inverse = 1 / returns.var(axis=0, ddof=1)
    np.testing.assert_allclose(blend[:, 0], inverse / inverse.sum(), rtol=1e-12)


def test_a_recent_listing_counts_with_its_own_history() -> None:
    returns = past()
    returns[:50, 0] = np.nan
    blend = blend_members(returns, np.ones(4, dtype=int), np.ones(4, dtype=int), SYMBOLS, alpha_weighting=False)
    inverse = 1 / np.nanvar(returns, axis=0, ddof=1)
    np.testing.assert_allclose(blend[:, 0], inverse / inverse.sum(), rtol=1e-12)


def test_a_short_earns_what_the_instrument_loses() -> None:
    returns = past()[:, :1]
    held = compute_cluster_returns(returns, np.array([-1]), np.ones((1, 1)))
    np.testing.assert_array_equal(held, -returns)


def test_a_closed_market_earns_nothing_and_an_unlisted_member_holds_nothing() -> None:
    returns = np.array([[np.nan, 0.02], [0.01, 0.04], [np.nan, 0.02], [0.03, np.nan], [np.nan, np.nan], [0.02, 0.02]])
    blend = np.array([[0.25], [0.75]])
    cluster_returns = compute_cluster_returns(returns, np.array([1, 1]), blend)[:, 0]
    # Listed from the second session on; closed in the third; both closed in the fifth.
    np.testing.assert_allclose(cluster_returns, [0.02, 0.0325, 0.015, 0.0075, np.nan, 0.02])
    np.testing.assert_array_equal(lifetimes(returns)[:, 0], [False, True, True, True, True, True])


@pytest.mark.parametrize(("column", "words"), [(np.nan, "SIMX:B has 0 returns"), (0.01, "SIMX:B never change")])
def test_a_member_without_variance_is_refused_by_name(column: float, words: str) -> None:
    returns = past()
    returns[:, 1] = column
    with pytest.raises(AllocationInputError, match=words):
        blend_members(returns, np.ones(4, dtype=int), np.ones(4, dtype=int), SYMBOLS)
