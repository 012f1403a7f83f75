"""scikit-learn's shrunk covariance."""

from __future__ import annotations

from sklearn.covariance import LedoitWolf

from benchmarks.inputs import PERIODS_PER_YEAR, Market
from benchmarks.judges import Answer


def ledoit_wolf(market: Market) -> Answer:
    return LedoitWolf().fit(market.returns).covariance_ * PERIODS_PER_YEAR


WORKS = {"ledoit_wolf": ledoit_wolf}
