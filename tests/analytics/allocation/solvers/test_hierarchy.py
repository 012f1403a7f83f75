"""Hierarchical weights compared with plain loops and with portfolios of two blocks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import pdist, squareform

from analytics.allocation import AllocationInputError, RiskProblem, solve


def market(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    loadings = np.abs(rng.normal(size=(3, count)))
    return rng.normal(size=(300, 3)) @ loadings * 0.01 + rng.normal(size=(300, count)) * rng.uniform(0.005, 0.03, count)


def textbook_bisection(covariance: np.ndarray, order: list[int]) -> np.ndarray:
    """Snippet 4 of the paper as a loop over lists."""

    def variance(items: list[int]) -> float:
        block = covariance[np.ix_(items, items)]
        weights = 1.0 / np.diag(block)
        weights /= weights.sum()
        return float(weights @ block @ weights)

    weights = np.ones(len(order))
    lists = [order]
    while lists:
        halves = [
            half for items in lists for half in (items[: len(items) // 2], items[len(items) // 2 :]) if len(items) > 1
        ]
        for left, right in zip(halves[::2], halves[1::2], strict=True):
            share = 1.0 - variance(left) / (variance(left) + variance(right))
            weights[left] *= share
            weights[right] *= 1.0 - share
        lists = [half for half in halves if len(half) > 1]
    return weights


@pytest.mark.parametrize("count", [2, 3, 17, 64, 150])
def test_hrp_is_the_textbook_loop(count: int) -> None:
    covariance = np.cov(market(count, seed=count).T)
    deviation = np.sqrt(np.diag(covariance))
    distance = np.sqrt(np.clip((1 - covariance / np.outer(deviation, deviation)) / 2, 0, None))
    order = leaves_list(linkage(pdist(distance.T), method="single")).tolist()
    weights = solve(RiskProblem("hrp", covariance, np.ones(count))).weights
    np.testing.assert_allclose(weights, textbook_bisection(covariance, order), atol=1e-12)


def test_hrp_plain_links_on_the_distance_itself_in_optimal_leaf_order() -> None:
    covariance = np.cov(market(40).T)
    deviation = np.sqrt(np.diag(covariance))
    distance = np.sqrt(np.clip((1 - covariance / np.outer(deviation, deviation)) / 2, 0, None))
    np.fill_diagonal(distance, 0.0)
    condensed = squareform(distance, checks=False)
    order = leaves_list(optimal_leaf_ordering(linkage(condensed, method="single"), condensed)).tolist()
    weights = solve(RiskProblem("hrp_plain", covariance, np.ones(40))).weights
    np.testing.assert_allclose(weights, textbook_bisection(covariance, order), atol=1e-12)


def test_herc_of_two_blocks_splits_by_their_variances_and_inside_by_inverse_variance() -> None:
    # Two uncorrelated pairs of twins, variances 1 and 1, 4 and 4: the blocks' risks are 0.95 and 3.8.
    covariance = np.array([[1, 0.9, 0, 0], [0.9, 1, 0, 0], [0, 0, 4, 3.6], [0, 0, 3.6, 4]], dtype=float)
    weights = solve(RiskProblem("herc", covariance, np.ones(4))).weights
    np.testing.assert_allclose(weights, [0.4, 0.4, 0.1, 0.1], atol=1e-12)


def test_nco_of_two_blocks_is_minimum_variance_of_minimum_variances() -> None:
    covariance = np.array([[1, 0.9, 0, 0], [0.9, 2, 0, 0], [0, 0, 4, 3.6], [0, 0, 3.6, 4]], dtype=float)
    # Inside: (1, 0) since 2 - 0.9 leaves min variance 11/12 and 1/12; the twins share equally.
    first = np.array([1.1, 0.1]) / 1.2
    risks = np.array([first @ covariance[:2, :2] @ first, 3.8])
    between = (1 / risks) / (1 / risks).sum()
    weights = solve(RiskProblem("nco", covariance, np.ones(4))).weights
    np.testing.assert_allclose(weights, [*(between[0] * first), between[1] / 2, between[1] / 2], atol=1e-9)


@pytest.mark.parametrize("risk_profile", ["hrp", "hrp_plain", "herc", "nco", "inverse_volatility", "risk_parity"])
def test_an_asset_without_variance_is_named(risk_profile: str) -> None:
    covariance = np.diag([0.04, 0.0, 0.09])
    with pytest.raises(AllocationInputError, match="SIMX:FLAT"):
        solve(RiskProblem(risk_profile, covariance, np.ones(3), names=("SIMX:A", "SIMX:FLAT", "SIMX:B")))


@pytest.mark.parametrize("risk_profile", ["hrp", "hrp_plain", "herc", "nco", "inverse_volatility", "equal_weight"])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 50])
def test_recipes_are_long_only_and_sum_to_the_budget(risk_profile: str, count: int) -> None:
    covariance = np.cov(market(count, seed=7).T).reshape(count, count)
    solution = solve(RiskProblem(risk_profile, covariance, np.ones(count), budget=0.9))
    assert solution.weights.min() >= 0.0
    assert solution.weights.sum() == pytest.approx(0.9, abs=1e-12)
    assert solution.status == "closed_form"
    assert solution.binding == ()


def test_equal_assets_get_equal_weights_from_hrp_of_four() -> None:
    covariance = np.full((4, 4), 0.02) + np.eye(4) * 0.02
    np.testing.assert_allclose(solve(RiskProblem("hrp", covariance, np.ones(4))).weights, 0.25, atol=1e-12)
