"""Covariance, clusters and metrics equal those of other libraries where the definitions are the same."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

from analytics.estimation.covariance import estimate_covariance
from analytics.evaluation.metrics import compute_metrics
from benchmarks import ours
from benchmarks.inputs import PERIODS_PER_YEAR, Market

pytestmark = pytest.mark.filterwarnings("ignore")  # the peers' own deprecations
PeerImport = Callable[[str], ModuleType]


def test_ledoit_wolf_is_that_of_scikit_learn(peer: PeerImport, market: Market) -> None:
    expected = peer("sklearn.covariance").LedoitWolf().fit(market.returns)
    found = estimate_covariance(market.returns, periods_per_year=1.0, target="identity")
    np.testing.assert_allclose(found.matrix, expected.covariance_, rtol=1e-12, atol=1e-12 * found.matrix.max())
    assert found.shrinkage == pytest.approx(expected.shrinkage_, rel=1e-12)


def test_ledoit_wolf_towards_constant_correlation_is_that_of_pyportfolioopt(peer: PeerImport, market: Market) -> None:
    shrinkage = peer("pypfopt.risk_models").CovarianceShrinkage(market.frame, returns_data=True, frequency=1)
    # It shrinks the sample covariance with divisor T - 1; the paper's moments all divide by T.
    shrinkage.S = np.cov(market.returns, rowvar=False, ddof=0)
    expected = shrinkage.ledoit_wolf("constant_correlation").to_numpy()
    found = estimate_covariance(market.returns, periods_per_year=1.0)
    np.testing.assert_allclose(found.matrix, expected, rtol=1e-10, atol=0.0)


@pytest.mark.parametrize("name", ["skfolio", "riskfolio"])
def test_clusters_are_those_of_the_peers(peer: PeerImport, market: Market, name: str) -> None:
    peer(name)
    theirs = np.asarray(peer(f"benchmarks.peers.{name}_side").clusters(market))
    found = np.asarray(ours.clusters(market))
    np.testing.assert_array_equal(theirs[:, None] == theirs[None, :], found[:, None] == found[None, :])


@pytest.mark.parametrize("name", ["empyrical", "quantstats"])
def test_figures_are_those_of_the_peers(peer: PeerImport, market: Market, name: str) -> None:
    peer(name)
    theirs = peer(f"benchmarks.peers.{name}_side").metrics(market)
    found = compute_metrics(market.returns, periods_per_year=PERIODS_PER_YEAR)
    assert len(theirs) == 10
    for figure, values in theirs.items():
        np.testing.assert_allclose(found.values[figure], values, rtol=1e-11, atol=1e-12, err_msg=figure)
