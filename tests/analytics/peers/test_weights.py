"""Weights equal those of skfolio and Riskfolio-Lib where the definitions are the same.

Their solvers stop early by default, so tighter tolerances are set. skfolio counts the clusters of HERC and NCO by
another rule (Yue, Wang and Wei 2008); it is given our count.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform

from analytics._typing import FloatVector
from analytics.allocation import RiskProblem, solve
from analytics.allocation.solvers.hierarchy import _count_clusters, correlation_distance
from benchmarks import ours
from benchmarks.inputs import PERIODS_PER_YEAR, Market

pytestmark = pytest.mark.filterwarnings("ignore")  # the peers' own deprecations
PeerImport = Callable[[str], ModuleType]
WEIGHT_TOLERANCE = 1e-5
#: A recipe has no solver, so nothing but rounding may differ.
RECIPE_TOLERANCE = 1e-12
DIGITS = {"tol_gap_abs": 1e-14, "tol_gap_rel": 1e-14, "tol_feas": 1e-12}


def skfolio_model(peer: PeerImport, name: str, market: Market, **options: Any) -> FloatVector:
    """Weights of one of skfolio's optimisers on its Ledoit-Wolf prior, with the returns in percent for its solver."""
    prior = peer("skfolio.prior").EmpiricalPrior(covariance_estimator=peer("skfolio.moments").LedoitWolf())
    model = getattr(peer("skfolio.optimization"), name)
    fitted = model(prior_estimator=prior, max_weights=market.cap, solver_params=DIGITS, **options)
    return np.asarray(fitted.fit(100.0 * market.frame).weights_)


def riskfolio_portfolio(peer: PeerImport, market: Market) -> Any:
    riskfolio = peer("riskfolio")
    portfolio = riskfolio.Portfolio(returns=100.0 * market.frame, upperlng=market.cap)
    portfolio.solvers, portfolio.sol_params = ["CLARABEL"], {"CLARABEL": DIGITS}
    portfolio.assets_stats(method_mu="hist", method_cov="ledoit")
    return portfolio


def agrees(answer: object, expected: FloatVector, tolerance: float = WEIGHT_TOLERANCE) -> None:
    np.testing.assert_allclose(np.asarray(answer, dtype=np.float64).ravel(), expected, rtol=0.0, atol=tolerance)


def test_minimum_variance_is_that_of_skfolio(peer: PeerImport, market: Market) -> None:
    agrees(skfolio_model(peer, "MeanRisk", market), ours.weigh(market, "min_variance"))


def test_minimum_variance_is_that_of_riskfolio(peer: PeerImport, market: Market) -> None:
    answer = riskfolio_portfolio(peer, market).optimization(rm="MV", obj="MinRisk")
    agrees(answer, ours.weigh(market, "min_variance"))


def test_maximum_sharpe_is_that_of_skfolio(peer: PeerImport, market: Market) -> None:
    objective = peer("skfolio.optimization").ObjectiveFunction.MAXIMIZE_RATIO
    agrees(skfolio_model(peer, "MeanRisk", market, objective_function=objective), ours.weigh(market, "max_sharpe"))


def test_maximum_sharpe_is_that_of_riskfolio(peer: PeerImport, market: Market) -> None:
    answer = riskfolio_portfolio(peer, market).optimization(rm="MV", obj="Sharpe", rf=0)
    agrees(answer, ours.weigh(market, "max_sharpe"))


def test_equal_risk_is_that_of_skfolio(peer: PeerImport, market: Market) -> None:
    agrees(skfolio_model(peer, "RiskBudgeting", market), ours.weigh(market, "risk_parity"))


def test_equal_risk_is_that_of_riskfolio(peer: PeerImport, market: Market) -> None:
    answer = riskfolio_portfolio(peer, market).rp_optimization(rm="MV")
    agrees(answer, ours.weigh(market, "risk_parity"))


def test_minimum_cvar_is_that_of_skfolio(peer: PeerImport, market: Market) -> None:
    measure = peer("skfolio").RiskMeasure.CVAR
    agrees(skfolio_model(peer, "MeanRisk", market, risk_measure=measure), ours.weigh(market, "min_cvar"))


def test_minimum_cvar_is_that_of_riskfolio(peer: PeerImport, market: Market) -> None:
    answer = riskfolio_portfolio(peer, market).optimization(rm="CVaR", obj="MinRisk")
    agrees(answer, ours.weigh(market, "min_cvar"))


def test_maximum_diversification_is_that_of_skfolio(peer: PeerImport, market: Market) -> None:
    agrees(skfolio_model(peer, "MaximumDiversification", market), ours.weigh(market, "max_diversification"))


def test_inverse_volatility_is_that_of_skfolio(peer: PeerImport, market: Market) -> None:
    prior = peer("skfolio.prior").EmpiricalPrior(covariance_estimator=peer("skfolio.moments").LedoitWolf())
    model = peer("skfolio.optimization").InverseVolatility(prior_estimator=prior)
    uncapped = RiskProblem("inverse_volatility", ours.ledoit_wolf(market), np.ones(market.n_instruments))
    agrees(model.fit(market.frame).weights_, solve(uncapped).weights, RECIPE_TOLERANCE)


@pytest.mark.parametrize("risk_profile", ["herc", "nco"])
def test_cluster_weights_are_those_of_skfolio_when_it_is_given_their_number(
    peer: PeerImport, market: Market, risk_profile: str
) -> None:
    """On the sample covariance, because skfolio estimates that of the inner portfolios from their returns."""
    sample = np.cov(market.returns.T) * PERIODS_PER_YEAR
    distance = correlation_distance(sample)
    count = _count_clusters(linkage(squareform(distance, checks=False), method="ward"), distance)
    optimization = peer("skfolio.optimization")
    trees = {
        "distance_estimator": peer("skfolio.distance").PearsonDistance(),
        "hierarchical_clustering_estimator" if risk_profile == "herc" else "clustering_estimator": peer(
            "skfolio.cluster"
        ).HierarchicalClustering(linkage_method=peer("skfolio.cluster").LinkageMethod.WARD, max_clusters=count),
    }
    if risk_profile == "herc":
        variance = peer("skfolio").RiskMeasure.VARIANCE
        model = optimization.HierarchicalEqualRiskContribution(risk_measure=variance, **trees)
    else:
        inner = optimization.MeanRisk(solver_params=DIGITS)
        model = optimization.NestedClustersOptimization(
            inner_estimator=inner, outer_estimator=inner, cv="ignore", **trees
        )
    uncapped = RiskProblem(risk_profile, sample, np.ones(market.n_instruments))
    tolerance = RECIPE_TOLERANCE if risk_profile == "herc" else WEIGHT_TOLERANCE
    agrees(model.fit(100.0 * market.frame).weights_, solve(uncapped).weights, tolerance)


@pytest.mark.parametrize("name", ["skfolio", "riskfolio"])
def test_plain_hrp_is_theirs_to_rounding(peer: PeerImport, market: Market, name: str) -> None:
    peer(name)
    theirs = peer(f"benchmarks.peers.{name}_side").hrp(market)
    agrees(theirs, ours.weigh(market, "hrp_plain"), RECIPE_TOLERANCE)


@pytest.mark.parametrize("name", ["skfolio", "riskfolio"])
def test_published_hrp_is_not_theirs(peer: PeerImport, market: Market, name: str) -> None:
    peer(name)
    theirs = peer(f"benchmarks.peers.{name}_side").hrp(market)
    assert np.abs(np.asarray(theirs) - ours.weigh(market, "hrp")).max() > 1e-3
