"""How well a candidate can be held: momentum, stability, convexity, liquidity.

See docs/method/05-discovery-selection.md#5.5, 5.6.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics._typing import BoolVector, FloatMatrix, FloatVector, IntVector
from analytics.estimation.instrument_risk import convexity, percentile_rank

SCORE_WEIGHTS = {"momentum": 0.3, "stability": 0.2, "convexity": 0.2, "liquidity": 0.3}


@dataclass(frozen=True, slots=True)
class CandidateFigures:
    """The four figures of each candidate, NaN where it has none, all (N,).

    Attributes
    ----------
    momentum
        Annualised mean directional return.
    volatility_annual
        Annualised, ddof 1.
    stability
        1 / volatility_annual.
    convexity
        docs/method/06-risk.md#6.2, in [0, 1].
    liquidity
        0.7 ln(1 + value traded USD) + 0.3 ln(price / ATR).
    """

    momentum: FloatVector
    volatility_annual: FloatVector
    stability: FloatVector
    convexity: FloatVector
    liquidity: FloatVector


def measure_figures(
    past_held_returns: FloatMatrix, is_usable: BoolVector, pool: pl.DataFrame, periods_per_year: float
) -> CandidateFigures:
    """CandidateFigures from the window that the decision sees; an unusable column has none from its returns.

    Parameters
    ----------
    past_held_returns : (T, N)
        Directional returns; NaN for NULL.
    is_usable : (N,)
        Enough returns, and not all the same.
    pool
        Checked candidates, rows as the columns of the returns.
    """
    size = is_usable.size
    mean, volatility, convex = np.full(size, np.nan), np.full(size, np.nan), np.full(size, np.nan)
    if is_usable.any():
        held = past_held_returns[:, is_usable]
        mean[is_usable] = np.nanmean(held, axis=0) * periods_per_year
        volatility[is_usable] = np.nanstd(held, axis=0, ddof=1) * np.sqrt(periods_per_year)
        convex[is_usable] = convexity(held)
    return CandidateFigures(mean, volatility, 1.0 / volatility, convex, _liquidity(pool))


def _liquidity(pool: pl.DataFrame) -> FloatVector:
    """Unknown where value traded, price or a positive ATR is: a close-only series has no liquidity, not a low one."""
    value, close, atr = (pool[name].to_numpy().astype(np.float64) for name in ("value_traded_usd", "close", "atr"))
    known = np.isfinite(value) & np.isfinite(close) & (atr > 0.0)
    liquidity = np.full(value.size, np.nan)
    liquidity[known] = 0.7 * np.log1p(value[known]) + 0.3 * np.log(close[known] / atr[known])
    return liquidity


def rank_figures(figures: CandidateFigures, cluster_ids: IntVector, *, across_pool: bool) -> dict[str, FloatVector]:
    """Each figure on [0, 1]: percentile ranks over the whole pool, or min-max inside the cluster.

    Inside a cluster where a figure does not vary everyone has 0.5.
    """
    columns = {name: getattr(figures, name) for name in SCORE_WEIGHTS}
    if across_pool:
        return {name: percentile_rank(values) for name, values in columns.items()}
    return {name: _min_max(values, cluster_ids) for name, values in columns.items()}


def combine_ranks(ranks: dict[str, FloatVector]) -> FloatVector:
    """Weighted mean of the ranks that are known; NaN without a momentum rank.

    Liquidity is unknown without volume, convexity where the worst returns are all 0. Their weight then goes to the
    other terms in proportion: the candidate is neither rewarded nor punished for what nobody measured, and the empty
    rank shows it in the audit.
    """
    values = np.vstack([ranks[name] for name in SCORE_WEIGHTS])
    weights = np.array(list(SCORE_WEIGHTS.values()))[:, None] * np.isfinite(values)
    total = weights.sum(axis=0)
    score = (weights * np.nan_to_num(values)).sum(axis=0) / np.where(total > 0.0, total, 1.0)
    return np.where(np.isfinite(ranks["momentum"]), score, np.nan)


def cumulative_return(past_held_returns: FloatMatrix, n_sessions: int) -> FloatVector:
    """Compounded directional return over the last sessions, NULL earning 0; -1 once the wealth is gone (N,)."""
    growth = 1.0 + np.nan_to_num(past_held_returns[-n_sessions:], nan=0.0)
    return np.where((growth <= 0.0).any(axis=0), -1.0, np.prod(growth, axis=0) - 1.0)


def _min_max(values: FloatVector, cluster_ids: IntVector) -> FloatVector:
    scaled = np.full(values.size, np.nan)
    for cluster_id in np.unique(cluster_ids):
        members = (cluster_ids == cluster_id) & np.isfinite(values)
        if members.any():
            lowest, spread = values[members].min(), np.ptp(values[members])
            scaled[members] = (values[members] - lowest) / spread if spread > 0.0 else 0.5
    return scaled
