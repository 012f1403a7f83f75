"""scikit-learn's shrunk covariance; its function, since the class inverts the matrix besides."""

from __future__ import annotations

import numpy as np
from sklearn import covariance

from benchmarks.accuracy import Answer
from benchmarks.inputs import PERIODS_PER_YEAR, Market


def ledoit_wolf(market: Market) -> Answer:
    return np.asarray(covariance.ledoit_wolf(market.returns)[0] * PERIODS_PER_YEAR)


WORKS = {"ledoit_wolf": ledoit_wolf}
