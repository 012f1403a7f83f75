"""Score candidates by momentum, stability, convexity and liquidity.

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
    """Four figures of each candidate and its volatility, NaN where it has none, all (N,).

    See docs/method/05-discovery-selection.md#5.5.

    Attributes
    ----------
    momentum : (N,)
        Annualised mean directional return, as a fraction.
    volatility_annual : (N,)
        Annualised standard deviation (ddof 1), as a fraction.
    stability : (N,)
        1 / volatility_annual.
    convexity : (N,)
        In [0, 1]; docs/method/06-risk.md#6.2.
    liquidity : (N,)
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
    """Measure the figures of all candidates in the window that the decision sees.

    See docs/method/05-discovery-selection.md#5.5.

    Parameters
    ----------
    past_held_returns : (T, N)
        Directional returns as fractions; NaN for NULL.
    is_usable : (N,)
        Enough returns, and not all the same; the others have NaN for every figure but the liquidity.
    pool : polars.DataFrame
        Checked candidates, rows as the columns of the returns; value_traded_usd, close and atr are read.
    periods_per_year : float
        252 on the business grid, 365 on the 24/7 grid.

    Returns
    -------
    CandidateFigures

    Examples
    --------
    >>> import numpy as np
    >>> import polars as pl
    >>> from analytics.selection.execution_score import measure_figures
    >>> returns = np.array([[0.01, 0.00], [-0.01, 0.01], [0.02, -0.02], [0.00, 0.02]])
    >>> pool = pl.DataFrame({"value_traded_usd": [1e6, None], "close": [100.0, 50.0], "atr": [2.0, 1.0]})
    >>> figures = measure_figures(returns, np.array([True, True]), pool, periods_per_year=252)
    >>> figures.momentum.round(4)
    array([1.26, 0.63])
    >>> figures.liquidity.round(4)
    array([10.8445,     nan])
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
    """Liquidity (N,); NaN where value traded, price or a positive ATR is unknown, as for a series of closes only."""
    value, close, atr = (pool[name].to_numpy().astype(np.float64) for name in ("value_traded_usd", "close", "atr"))
    known = np.isfinite(value) & np.isfinite(close) & (atr > 0.0)
    liquidity = np.full(value.size, np.nan)
    liquidity[known] = 0.7 * np.log1p(value[known]) + 0.3 * np.log(close[known] / atr[known])
    return liquidity


def rank_figures(figures: CandidateFigures, cluster_ids: IntVector, *, across_pool: bool) -> dict[str, FloatVector]:
    """Scale each figure to [0, 1]: percentile ranks over the whole pool, or min-max inside the cluster.

    See docs/method/05-discovery-selection.md#5.5.

    Parameters
    ----------
    figures : CandidateFigures
        N candidates.
    cluster_ids : (N,)
        Cluster of each candidate.
    across_pool : bool
        Rank over the pool; otherwise scale inside the cluster, where a figure that does not vary is 0.5 for all.

    Returns
    -------
    dict of str to (N,)
        One array for each name in `SCORE_WEIGHTS`; NaN where the figure is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.selection.execution_score import CandidateFigures, rank_figures
    >>> momentum, volatility = np.array([0.3, 0.1, 0.2]), np.array([0.1, 0.2, 0.4])
    >>> figures = CandidateFigures(momentum, volatility, 1.0 / volatility, np.full(3, 0.5), np.full(3, 9.0))
    >>> rank_figures(figures, np.array([1, 1, 1]), across_pool=True)["momentum"].round(3)
    array([0.833, 0.167, 0.5  ])
    >>> rank_figures(figures, np.array([1, 1, 1]), across_pool=False)["momentum"].round(3)
    array([1. , 0. , 0.5])
    """
    columns = {name: getattr(figures, name) for name in SCORE_WEIGHTS}
    if across_pool:
        return {name: percentile_rank(values) for name, values in columns.items()}
    return {name: _min_max(values, cluster_ids) for name, values in columns.items()}


def combine_ranks(ranks: dict[str, FloatVector]) -> FloatVector:
    """Combine the known ranks to the execution score, their mean weighted by `SCORE_WEIGHTS`.

    See docs/method/05-discovery-selection.md#5.5.

    Liquidity is unknown without volume, convexity where the worst returns are all 0. Their weight then goes to the
    other terms in proportion: a figure that was not measured neither helps nor harms the candidate, and the empty
    rank stays visible in the audit table.

    Parameters
    ----------
    ranks : dict of str to (N,)
        Of `rank_figures`, in [0, 1]; NaN where unknown.

    Returns
    -------
    (N,)
        In [0, 1]; NaN without a momentum rank.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.selection.execution_score import combine_ranks
    >>> average = np.array([0.5, 0.5])
    >>> ranks = {"momentum": np.array([1.0, np.nan]), "stability": average, "convexity": average}
    >>> combine_ranks(ranks | {"liquidity": np.array([np.nan, 0.5])}).round(4)
    array([0.7143,    nan])
    """
    values = np.vstack([ranks[name] for name in SCORE_WEIGHTS])
    weights = np.array(list(SCORE_WEIGHTS.values()))[:, None] * np.isfinite(values)
    total = weights.sum(axis=0)
    score = (weights * np.nan_to_num(values)).sum(axis=0) / np.where(total > 0.0, total, 1.0)
    return np.where(np.isfinite(ranks["momentum"]), score, np.nan)


def cumulative_return(past_held_returns: FloatMatrix, n_sessions: int) -> FloatVector:
    """Compound the directional returns of the last sessions.

    See docs/method/05-discovery-selection.md#5.6.

    Parameters
    ----------
    past_held_returns : (T, N)
        Directional returns as fractions; NULL earns 0.
    n_sessions : int
        Sessions from the end.

    Returns
    -------
    (N,)
        Fraction over the whole span, not annualised; -1 once the wealth is gone.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.selection.execution_score import cumulative_return
    >>> cumulative_return(np.array([[0.5, 0.5], [0.1, -0.2], [-0.1, np.nan]]), 2).round(4)
    array([-0.01, -0.2 ])
    """
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
