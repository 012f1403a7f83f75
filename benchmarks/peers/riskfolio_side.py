"""Riskfolio-Lib: its Portfolio and HCPortfolio with the shrunk covariance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import riskfolio

from analytics._typing import FloatVector
from benchmarks.accuracy import Answer
from benchmarks.inputs import N_CLUSTERS, PERIODS_PER_YEAR, Market, at_each_train


def _portfolio(market: Market) -> riskfolio.Portfolio:
    portfolio = riskfolio.Portfolio(returns=market.frame, upperlng=market.cap)
    portfolio.assets_stats(method_mu="hist", method_cov="ledoit")
    return portfolio


def _weights(answer: object) -> FloatVector:
    """Riskfolio prints a line and returns None where it has no answer; None becomes NaN and fails the check."""
    return np.asarray(answer, dtype=np.float64).ravel()


def min_variance(market: Market) -> FloatVector:
    return _weights(_portfolio(market).optimization(rm="MV", obj="MinRisk"))


def max_sharpe(market: Market) -> FloatVector:
    return _weights(_portfolio(market).optimization(rm="MV", obj="Sharpe", rf=0))


def risk_parity(market: Market) -> FloatVector:
    return _weights(_portfolio(market).rp_optimization(rm="MV"))


def min_cvar(market: Market) -> FloatVector:
    return _weights(_portfolio(market).optimization(rm="CVaR", obj="MinRisk"))


def hrp(market: Market) -> FloatVector:
    """Single linkage on the distance of the same shrunk covariance."""
    answer = riskfolio.HCPortfolio(returns=market.frame).optimization(
        model="HRP",
        codependence="custom_cov",
        method_cov="custom_cov",
        custom_cov=riskfolio.ParamsEstimation.covar_matrix(market.frame, method="ledoit"),
        rm="MV",
        linkage="single",
    )
    return _weights(answer)


def _labels(table: pd.DataFrame, market: Market) -> Answer:
    labels = dict(zip(table["Assets"], table["Clusters"], strict=True))
    codes = {label: code for code, label in enumerate(sorted(set(labels.values())))}
    return np.array([codes[labels[name]] for name in market.frame.columns])


def clusters(market: Market) -> Answer:
    """Without the leaf order, which only drawings need."""
    table = riskfolio.assets_clusters(market.frame, linkage="ward", k=N_CLUSTERS, leaf_order=False)
    return _labels(table, market)


def clusters_own_count(market: Market) -> Answer:
    return _labels(riskfolio.assets_clusters(market.frame, linkage="ward"), market)


def ledoit_wolf(market: Market) -> Answer:
    return np.asarray(riskfolio.ParamsEstimation.covar_matrix(market.frame, method="ledoit")) * PERIODS_PER_YEAR


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
