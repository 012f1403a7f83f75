"""skfolio: its own estimators with Ledoit-Wolf as prior."""

from __future__ import annotations

from skfolio import RiskMeasure
from skfolio.cluster import HierarchicalClustering, LinkageMethod
from skfolio.distance import CovarianceDistance, PearsonDistance
from skfolio.moments import LedoitWolf
from skfolio.optimization import HierarchicalRiskParity, MeanRisk, ObjectiveFunction, RiskBudgeting
from skfolio.prior import EmpiricalPrior
from skfolio.seriation import HierarchicalSeriation

from analytics._typing import FloatVector
from benchmarks.accuracy import Answer
from benchmarks.inputs import N_CLUSTERS, PERIODS_PER_YEAR, Market, at_each_train


def _prior() -> EmpiricalPrior:
    return EmpiricalPrior(covariance_estimator=LedoitWolf())


def min_variance(market: Market) -> FloatVector:
    return MeanRisk(prior_estimator=_prior(), max_weights=market.cap).fit(market.frame).weights_


def max_sharpe(market: Market) -> FloatVector:
    model = MeanRisk(
        objective_function=ObjectiveFunction.MAXIMIZE_RATIO, prior_estimator=_prior(), max_weights=market.cap
    )
    return model.fit(market.frame).weights_


def risk_parity(market: Market) -> FloatVector:
    return RiskBudgeting(prior_estimator=_prior(), max_weights=market.cap).fit(market.frame).weights_


def min_cvar(market: Market) -> FloatVector:
    model = MeanRisk(risk_measure=RiskMeasure.CVAR, prior_estimator=_prior(), max_weights=market.cap)
    return model.fit(market.frame).weights_


def hrp(market: Market) -> FloatVector:
    """Single linkage on the distance of the same shrunk covariance."""
    model = HierarchicalRiskParity(
        prior_estimator=_prior(),
        distance_estimator=CovarianceDistance(covariance_estimator="precomputed"),
        seriation_estimator=HierarchicalSeriation(
            hierarchical_clustering_estimator=HierarchicalClustering(linkage_method=LinkageMethod.SINGLE)
        ),
    )
    return model.fit(market.frame).weights_


def clusters(market: Market) -> Answer:
    distance = PearsonDistance().fit(market.frame).distance_
    return HierarchicalClustering(max_clusters=N_CLUSTERS).fit(distance).labels_


def clusters_own_count(market: Market) -> Answer:
    distance = PearsonDistance().fit(market.frame).distance_
    return HierarchicalClustering().fit(distance).labels_


def ledoit_wolf(market: Market) -> Answer:
    return LedoitWolf().fit(market.frame).covariance_ * PERIODS_PER_YEAR


WORKS = {
    "min_variance": min_variance,
    "max_sharpe": max_sharpe,
    "risk_parity": risk_parity,
    "min_cvar": min_cvar,
    "hrp": hrp,
    "hrp_plain": hrp,
    "clusters": clusters,
    "clusters_own_count": clusters_own_count,
    "ledoit_wolf": ledoit_wolf,
    "walk_forward_min_variance": at_each_train(min_variance),
    "walk_forward_hrp": at_each_train(hrp),
}
