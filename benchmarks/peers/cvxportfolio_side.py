"""cvxportfolio: its own back-test, which decides on every session; no costs, covariance of a rolling window."""

from __future__ import annotations

import cvxportfolio as cvx
import numpy as np
import pandas as pd

from benchmarks.accuracy import Answer
from benchmarks.inputs import TRAIN_SESSIONS, Market


def walk_forward_daily(market: Market) -> Answer:
    """Weights after the trades of each of the last sessions (R, N)."""
    window = pd.Timedelta(days=TRAIN_SESSIONS)
    covariance = cvx.forecast.HistoricalFactorizedCovariance(rolling=window, kelly=False)
    policy = cvx.SinglePeriodOptimization(
        -cvx.FullCovariance(covariance),
        [cvx.LongOnly(), cvx.NoCash(), cvx.MaxWeights(market.cap)],
        include_cash_return=False,
        solver="CLARABEL",  # its default stops 2 % above the least variance at N = 200
    )
    returns = market.frame.assign(cash=0.0)
    data = cvx.UserProvidedMarketData(returns=returns, cash_key="cash", min_history=window / 2)
    first = market.daily_trains[0].frame.index[-1] + pd.Timedelta(days=1)
    simulator = cvx.MarketSimulator(market_data=data)
    result = simulator.backtest(policy, start_time=first, end_time=market.frame.index[-1])
    # The last session only earns, so its row holds no decision.
    return np.asarray(result.w_plus[list(market.frame.columns)].iloc[:-1])


WORKS = {"walk_forward_daily": walk_forward_daily}
