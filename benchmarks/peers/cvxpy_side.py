"""cvxpy, written as its users write it, with scikit-learn's Ledoit-Wolf."""

from __future__ import annotations

import cvxpy as cp
import numpy as np
from sklearn.covariance import ledoit_wolf

from analytics._typing import FloatMatrix, FloatVector
from benchmarks.accuracy import TAIL
from benchmarks.inputs import PERIODS_PER_YEAR, Market, at_each_train


def _covariance(market: Market) -> FloatMatrix:
    return np.asarray(ledoit_wolf(market.returns)[0] * PERIODS_PER_YEAR)


def _risk(weights: cp.Variable, market: Market) -> cp.Expression:
    return cp.quad_form(weights, _covariance(market), assume_PSD=True)


def min_variance(market: Market) -> FloatVector:
    weights = cp.Variable(market.n_instruments)
    constraints = [cp.sum(weights) == 1.0, weights >= 0.0, weights <= market.cap]
    cp.Problem(cp.Minimize(_risk(weights, market)), constraints).solve()
    return np.asarray(weights.value)


def max_sharpe(market: Market) -> FloatVector:
    """Least variance at excess return 1, then scaled to sum 1 (Charnes and Cooper 1962)."""
    weights = cp.Variable(market.n_instruments)
    mean = market.returns.mean(axis=0) * PERIODS_PER_YEAR
    constraints = [mean @ weights == 1.0, weights >= 0.0, weights <= market.cap * cp.sum(weights)]
    cp.Problem(cp.Minimize(_risk(weights, market)), constraints).solve()
    value = np.asarray(weights.value)
    return np.asarray(value / value.sum())


def risk_parity(market: Market) -> FloatVector:
    weights = cp.Variable(market.n_instruments)
    barrier = cp.sum(cp.log(weights)) / market.n_instruments
    cp.Problem(cp.Minimize(0.5 * _risk(weights, market) - barrier)).solve()
    value = np.asarray(weights.value)
    return np.asarray(value / value.sum())


def min_cvar(market: Market) -> FloatVector:
    """Needs no covariance, so none is estimated."""
    weights, threshold = cp.Variable(market.n_instruments), cp.Variable()
    excess = cp.pos(-market.returns @ weights - threshold)
    objective = threshold + cp.sum(excess) / (TAIL * market.returns.shape[0])
    constraints = [cp.sum(weights) == 1.0, weights >= 0.0, weights <= market.cap]
    cp.Problem(cp.Minimize(objective), constraints).solve(solver=cp.HIGHS)
    return np.asarray(weights.value)


WORKS = {
    "min_variance": min_variance,
    "max_sharpe": max_sharpe,
    "risk_parity": risk_parity,
    "min_cvar": min_cvar,
    "walk_forward_min_variance": at_each_train(min_variance),
}
