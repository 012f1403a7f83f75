"""empyrical: ten figures, one portfolio after the other."""

from __future__ import annotations

import empyrical
import numpy as np

from benchmarks.accuracy import Answer
from benchmarks.inputs import Market

FIGURES = {
    "total_return": empyrical.cum_returns_final,
    "cagr": empyrical.annual_return,
    "volatility_annual": empyrical.annual_volatility,
    "sharpe": empyrical.sharpe_ratio,
    "sortino": empyrical.sortino_ratio,
    "calmar": empyrical.calmar_ratio,
    "omega": empyrical.omega_ratio,
    "max_drawdown": lambda returns: -empyrical.max_drawdown(returns),
    "var95": lambda returns: -empyrical.value_at_risk(returns),
    "cvar95": lambda returns: -empyrical.conditional_value_at_risk(returns),
}


def metrics(market: Market) -> Answer:
    columns = np.ascontiguousarray(market.returns.T)
    return {name: np.array([figure(column) for column in columns]) for name, figure in FIGURES.items()}


WORKS = {"metrics": metrics}
