"""PyPortfolioOpt with its shrunk covariance."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from pypfopt import EfficientCVaR, EfficientFrontier, HRPOpt
from pypfopt.risk_models import CovarianceShrinkage

from analytics._typing import FloatVector
from benchmarks.accuracy import Answer
from benchmarks.inputs import PERIODS_PER_YEAR, Market, at_each_train


def _covariance(market: Market) -> pd.DataFrame:
    return CovarianceShrinkage(market.frame, returns_data=True, frequency=PERIODS_PER_YEAR).ledoit_wolf()


def _weights(answer: Mapping[str, float]) -> FloatVector:
    return np.array(list(answer.values()))


def min_variance(market: Market) -> FloatVector:
    frontier = EfficientFrontier(None, _covariance(market), weight_bounds=(0.0, market.cap))
    return _weights(frontier.min_volatility())


def max_sharpe(market: Market) -> FloatVector:
    mean = market.frame.mean() * PERIODS_PER_YEAR
    frontier = EfficientFrontier(mean, _covariance(market), weight_bounds=(0.0, market.cap))
    return _weights(frontier.max_sharpe(risk_free_rate=0.0))


def min_cvar(market: Market) -> FloatVector:
    """Needs no covariance, so none is estimated."""
    return _weights(EfficientCVaR(None, market.frame, weight_bounds=(0.0, market.cap)).min_cvar())


def hrp(market: Market) -> FloatVector:
    answer = HRPOpt(cov_matrix=_covariance(market)).optimize()
    return np.array([answer[name] for name in market.frame.columns])


def ledoit_wolf(market: Market) -> Answer:
    return _covariance(market).to_numpy()


WORKS = {
    "min_variance": min_variance,
    "max_sharpe": max_sharpe,
    "min_cvar": min_cvar,
    "hrp": hrp,
    "hrp_plain": hrp,
    "ledoit_wolf": ledoit_wolf,
    "walk_forward_min_variance": at_each_train(min_variance),
    "walk_forward_hrp": at_each_train(hrp),
}
