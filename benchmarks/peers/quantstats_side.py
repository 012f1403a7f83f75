"""QuantStats: ten figures whose conventions agree with ours, one portfolio after the other."""

from __future__ import annotations

import numpy as np
from quantstats import stats

from benchmarks.accuracy import Answer
from benchmarks.inputs import PERIODS_PER_YEAR, Market

FIGURES = {
    "total_return": stats.comp,
    "cagr": lambda returns: stats.cagr(returns, periods=PERIODS_PER_YEAR),
    "volatility_annual": lambda returns: stats.volatility(returns, periods=PERIODS_PER_YEAR),
    "sharpe": lambda returns: stats.sharpe(returns, periods=PERIODS_PER_YEAR),
    "sortino": lambda returns: stats.sortino(returns, periods=PERIODS_PER_YEAR),
    "calmar": lambda returns: stats.calmar(returns, periods=PERIODS_PER_YEAR),
    "omega": lambda returns: stats.omega(returns, periods=PERIODS_PER_YEAR),
    "max_drawdown": lambda returns: -stats.max_drawdown(returns),
    "skew": stats.skew,
    "kurtosis": stats.kurtosis,
}


def metrics(market: Market) -> Answer:
    columns = [market.frame[name] for name in market.frame.columns]
    return {
        name: np.array([figure(column) for column in columns], dtype=np.float64) for name, figure in FIGURES.items()
    }


WORKS = {"metrics": metrics}
