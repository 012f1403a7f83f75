"""Our side of every task, from the returns matrix to the result, through the functions that production calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from analytics._typing import FloatMatrix, FloatVector
from analytics.allocation import RiskProblem, RiskProfile, solve
from analytics.clustering.clusters import cluster_instruments
from analytics.estimation.covariance import estimate_covariance
from analytics.evaluation.metrics import compute_metrics
from benchmarks.accuracy import Answer, cut_height
from benchmarks.inputs import PERIODS_PER_YEAR, Market, at_each_train


def ledoit_wolf(market: Market) -> FloatMatrix:
    """(N, N) annualised; towards the identity, which is the target of all peers."""
    return estimate_covariance(market.returns, periods_per_year=PERIODS_PER_YEAR, target="identity").matrix


def weigh(market: Market, risk_profile: RiskProfile, covariance: FloatMatrix | None = None) -> FloatVector:
    """Weights (N,) of one risk profile under the cap; HRP has no caps, on neither side."""
    cap = 1.0 if risk_profile in ("hrp", "hrp_plain") else market.cap
    problem = RiskProblem(
        risk_profile=risk_profile,
        covariance=ledoit_wolf(market) if covariance is None else covariance,
        upper=np.full(market.n_instruments, cap),
        mean=market.returns.mean(axis=0) * PERIODS_PER_YEAR if risk_profile == "max_sharpe" else None,
        past_returns=market.returns if risk_profile == "min_cvar" else None,
        is_definite=True,  # guaranteed by the estimator, as in production
    )
    return solve(problem).weights


def _risk_profile(risk_profile: RiskProfile) -> Callable[[Market], FloatVector]:
    return lambda market: weigh(market, risk_profile)


def clusters(market: Market) -> Answer:
    """Cluster of each instrument (N,), from one lookback of all sessions, as the peers do it."""
    directions = np.ones(market.n_instruments)
    found = cluster_instruments(
        market.returns, market.names, directions, threshold=cut_height(market), lookbacks=(market.returns.shape[0],)
    )
    return found.cluster_ids


def metrics(market: Market) -> Answer:
    """Fourteen metrics of each column, where peers compute ten."""
    return compute_metrics(market.returns, periods_per_year=PERIODS_PER_YEAR).values


def walk_forward_daily(market: Market) -> Answer:
    """Weights of every session (R, N), minimum variance on the sample covariance: cvxportfolio's own study."""
    return np.array(
        [
            weigh(train, "min_variance", np.cov(train.returns, rowvar=False) * PERIODS_PER_YEAR)
            for train in market.daily_trains
        ]
    )


WORKS: Mapping[str, Callable[[Market], Answer]] = {
    "min_variance": _risk_profile("min_variance"),
    "max_sharpe": _risk_profile("max_sharpe"),
    "risk_parity": _risk_profile("risk_parity"),
    "hrp": _risk_profile("hrp"),
    "hrp_plain": _risk_profile("hrp_plain"),
    "min_cvar": _risk_profile("min_cvar"),
    "clusters": clusters,
    "clusters_own_count": clusters,
    "ledoit_wolf": ledoit_wolf,
    "metrics": metrics,
    "walk_forward_min_variance": at_each_train(_risk_profile("min_variance")),
    "walk_forward_hrp": at_each_train(_risk_profile("hrp")),
    "walk_forward_daily": walk_forward_daily,
}
