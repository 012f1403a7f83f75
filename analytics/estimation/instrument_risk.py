"""Measure the risk of single instruments: tail losses, drawdown, volatility, convexity and fragility.

See docs/method/06-risk.md.

Columns are instruments, NaN is NULL: each statistic uses the sessions of its instrument (docs/method/02-returns.md#2.3).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
from scipy import stats

from analytics._typing import FloatMatrix, FloatVector, IntVector
from analytics.errors import InputError, ShortHistoryError

TAIL = 0.05
MIN_SESSIONS = 20
# Fragility below the first is green, below the second amber, else red (docs/method/06-risk.md#6.3).
FRAGILITY_LIMITS = (0.4, 0.6)
FRAGILITY_LEVELS = ("green", "amber", "red")


def percentile_rank(values: FloatVector) -> FloatVector:
    """Rank each value among all as a percentile, ties averaged.

    See docs/method/06-risk.md#6.2.

    Parameters
    ----------
    values : (N,)
        Numbers; +inf ranks highest and -inf lowest. NaN is not ranked and gets NaN.

    Returns
    -------
    (N,)
        (average rank - 0.5) / count, in (0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.instrument_risk import percentile_rank
    >>> percentile_rank(np.array([3.0, np.nan, 1.0, 3.0, 9.0]))
    array([0.5  ,   nan, 0.125, 0.5  , 0.875])
    """
    ranks = np.full(values.shape, np.nan)
    known = ~np.isnan(values)
    if known.any():
        ranks[known] = (stats.rankdata(values[known]) - 0.5) / known.sum()
    return ranks


def skewness(past_returns: FloatMatrix) -> FloatVector:
    """Estimate the skewness of each column.

    See docs/method/06-risk.md#6.2.

    Parameters
    ----------
    past_returns : (T, N)
        Simple returns as fractions; NaN for NULL.

    Returns
    -------
    (N,)
        Adjusted Fisher-Pearson skewness; 0 for a constant column, NaN below three values.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.instrument_risk import skewness
    >>> skewness(np.array([[0.01, 0.0], [-0.01, 0.0], [0.06, 0.0], [0.00, 0.0]])).round(4)
    array([1.5971, 0.    ])
    """

    def adjusted_skewness(known: FloatVector) -> float:
        if known.size < 3:
            return math.nan
        return 0.0 if np.ptp(known) == 0.0 else float(stats.skew(known, bias=False))

    return _by_column(past_returns, adjusted_skewness)


def tail_ratio(past_returns: FloatMatrix) -> FloatVector:
    """Compare the tails of each column: E[r | r >= q95] / |E[r | r <= q05]|.

    See docs/method/06-risk.md#6.2.

    Parameters
    ----------
    past_returns : (T, N)
        Simple returns as fractions; NaN for NULL.

    Returns
    -------
    (N,)
        NaN for a column without values, infinite where the mean of the lower tail is 0.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.instrument_risk import tail_ratio
    >>> tail_ratio(np.array([[0.02], [-0.01], [0.06], [-0.03]])).round(4)
    array([2.])
    """

    def tail_mean_ratio(known: FloatVector) -> float:
        low, high = np.quantile(known, [TAIL, 1.0 - TAIL])
        loss = abs(float(known[known <= low].mean()))
        gain = float(known[known >= high].mean())
        return gain / loss if loss > 0.0 else math.inf

    return _by_column(past_returns, tail_mean_ratio)


def convexity(past_held_returns: FloatMatrix) -> FloatVector:
    """Measure convexity A, the mean of the percentile ranks of skewness and tail ratio.

    See docs/method/06-risk.md#6.2.

    Parameters
    ----------
    past_held_returns : (T, N)
        Directional returns as fractions, that is physical returns times the direction; NaN for NULL.

    Returns
    -------
    (N,)
        In [0, 1]; high where gains exceed losses in the tails.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.instrument_risk import convexity
    >>> rare_gain = np.array([0.08, -0.01, -0.01, -0.01, -0.02])
    >>> convexity(np.column_stack([rare_gain, -rare_gain]))
    array([0.75, 0.25])
    """
    ranks = np.vstack([percentile_rank(skewness(past_held_returns)), percentile_rank(tail_ratio(past_held_returns))])
    return np.asarray(ranks.mean(axis=0), dtype=np.float64)


def value_at_risk(past_returns: FloatMatrix) -> FloatVector:
    """Estimate the loss that one session in twenty reaches: minus the 5 % quantile of each column.

    See docs/method/06-risk.md#6.1.

    Parameters
    ----------
    past_returns : (T, N)
        Simple returns as fractions; NaN for NULL.

    Returns
    -------
    (N,)
        Fractions per session, positive for a loss; NaN for a column without values.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.instrument_risk import value_at_risk
    >>> value_at_risk(np.linspace(-0.10, 0.10, 21)[:, np.newaxis]).round(4)
    array([0.09])
    """
    return _by_column(past_returns, lambda known: -float(np.quantile(known, TAIL)))


def conditional_value_at_risk(past_returns: FloatMatrix) -> FloatVector:
    """Average the losses of the sessions at or below the 5 % quantile of each column.

    See docs/method/06-risk.md#6.1; Rockafellar, R. T., Uryasev, S. (2000), Journal of Risk 2.

    Parameters
    ----------
    past_returns : (T, N)
        Simple returns as fractions; NaN for NULL.

    Returns
    -------
    (N,)
        Fractions per session, positive for a loss; NaN for a column without values.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.instrument_risk import conditional_value_at_risk
    >>> conditional_value_at_risk(np.linspace(-0.10, 0.10, 41)[:, np.newaxis]).round(4)
    array([0.095])
    """
    return _by_column(past_returns, lambda known: -float(known[known <= np.quantile(known, TAIL)].mean()))


def max_drawdown(past_returns: FloatMatrix) -> FloatVector:
    """Measure the deepest fall of compounded wealth from its high, the start included, of each column.

    See docs/method/06-risk.md#6.1.

    Parameters
    ----------
    past_returns : (T, N)
        Simple returns as fractions; NaN for NULL.

    Returns
    -------
    (N,)
        In [0, 1]: 1 once a session costs everything, as it can for a short. NaN for a column without values.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.instrument_risk import max_drawdown
    >>> max_drawdown(np.array([[0.10, -0.05], [-0.20, 0.10], [-0.25, 0.02]])).round(4)
    array([0.4 , 0.05])
    """

    def deepest_fall(known: FloatVector) -> float:
        wealth = np.concatenate([[1.0], np.cumprod(np.maximum(1.0 + known, 0.0))])
        return float((1.0 - wealth / np.maximum.accumulate(wealth)).max())

    return _by_column(past_returns, deepest_fall)


def volatility(past_returns: FloatMatrix, *, periods_per_year: int) -> FloatVector:
    """Estimate the annualised standard deviation of each column, ddof 1.

    See docs/method/02-returns.md#2.3.

    Parameters
    ----------
    past_returns : (T, N)
        Simple returns as fractions; NaN for NULL.
    periods_per_year : int
        252 on the business grid, 365 on the 24/7 grid.

    Returns
    -------
    (N,)
        Fractions a year; NaN below two values.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.instrument_risk import volatility
    >>> volatility(np.array([[0.01], [-0.01], [0.02], [0.00]]), periods_per_year=252).round(4)
    array([0.2049])
    """
    scale = float(np.sqrt(periods_per_year))
    return _by_column(past_returns, lambda known: float(known.std(ddof=1)) * scale if known.size > 1 else np.nan)


def fragility(past_held_returns: FloatMatrix) -> FloatVector:
    """Measure fragility F, the mean of the percentile ranks of CVaR95 and of 1 - convexity.

    See docs/method/06-risk.md#6.3.

    Parameters
    ----------
    past_held_returns : (T, N)
        Directional returns as fractions, that is physical returns times the direction; NaN for NULL.

    Returns
    -------
    (N,)
        In [0, 1]; high for large tail losses without tail gains.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.instrument_risk import fragility
    >>> rare_gain = np.array([0.08, -0.01, -0.01, -0.01, -0.02])
    >>> fragility(np.column_stack([rare_gain, -rare_gain]))
    array([0.25, 0.75])
    """
    tails = percentile_rank(conditional_value_at_risk(past_held_returns))
    concave = percentile_rank(1.0 - convexity(past_held_returns))
    return np.asarray((tails + concave) / 2.0, dtype=np.float64)


def fragility_level(value: float) -> str:
    """Classify a fragility: green below 0.4, amber below 0.6, else red.

    See docs/method/06-risk.md#6.3.

    Parameters
    ----------
    value : float
        Fragility in [0, 1].

    Returns
    -------
    str
        `green`, `amber` or `red`.

    Raises
    ------
    InputError
        The fragility is NaN.

    Examples
    --------
    >>> from analytics.estimation.instrument_risk import fragility_level
    >>> [fragility_level(value) for value in (0.2, 0.4, 0.6)]
    ['green', 'amber', 'red']
    """
    if math.isnan(value):
        raise InputError("The fragility is NaN and has no level: the instrument has too few returns.")
    return FRAGILITY_LEVELS[sum(value >= limit for limit in FRAGILITY_LIMITS)]


def risk_measures(
    past_returns: FloatMatrix, directions: IntVector, symbols: Sequence[str], *, periods_per_year: int
) -> pl.DataFrame:
    """Measure the risk of every instrument as it would be held, one row each.

    See docs/method/06-risk.md.

    Parameters
    ----------
    past_returns : (T, N)
        Physical simple returns as fractions of the window a decision may see; NaN for NULL.
    directions : (N,)
        +1 for long, -1 for short.
    symbols : sequence of N str
        Names of the columns.
    periods_per_year : int
        252 on the business grid, 365 on the 24/7 grid.

    Returns
    -------
    polars.DataFrame
        Columns of `results.risk` without its keys `run_id` and `stage`.

    Raises
    ------
    InputError
        Shapes that differ, a repeated symbol, a direction other than +1 or -1, a return that is infinite or below -1.
    ShortHistoryError
        An instrument has fewer than 20 sessions in the window.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.instrument_risk import risk_measures
    >>> returns = np.tile([[0.02, 0.03], [-0.01, 0.00], [0.00, -0.01]], (10, 1))
    >>> table = risk_measures(returns, np.array([1, -1]), ["A", "B"], periods_per_year=252)
    >>> table.select("symbol", "var95", "fragility_level", "n_sessions").rows()
    [('A', 0.01, 'green', 30), ('B', 0.03, 'red', 30)]
    """
    _check_pool(past_returns, directions, symbols)
    held = past_returns * directions
    fragilities = fragility(held)
    return pl.DataFrame(
        {
            "symbol": pl.Series(symbols, dtype=pl.String),
            "volatility_annual": volatility(held, periods_per_year=periods_per_year),
            "var95": value_at_risk(held),
            "cvar95": conditional_value_at_risk(held),
            "max_drawdown": max_drawdown(held),
            "skew": skewness(held),
            "tail_ratio": tail_ratio(held),
            "convexity": convexity(held),
            "fragility": fragilities,
            "fragility_level": [fragility_level(float(value)) for value in fragilities],
            "n_sessions": np.isfinite(past_returns).sum(axis=0).astype(np.int64),
        }
    )


def _by_column(past_returns: FloatMatrix, statistic: Callable[[FloatVector], float]) -> FloatVector:
    """Apply a statistic to the known returns of each column; NaN for a column without any."""
    out = np.full(past_returns.shape[1], np.nan)
    for column in range(past_returns.shape[1]):
        known = past_returns[np.isfinite(past_returns[:, column]), column]
        if known.size:
            out[column] = statistic(known)
    return out


def _check_pool(past_returns: FloatMatrix, directions: IntVector, symbols: Sequence[str]) -> None:
    if past_returns.ndim != 2 or past_returns.shape[1] != len(symbols) or directions.shape != (len(symbols),):
        shapes = f"returns {past_returns.shape}, directions {directions.shape}, {len(symbols)} symbols"
        raise InputError(f"risk needs one column and one direction per symbol: {shapes}")
    repeated = [symbol for index, symbol in enumerate(symbols) if symbol in symbols[:index]]
    if repeated:
        raise InputError(f"{repeated[0]} appears twice in the pool: merge its identity first")
    for symbol, direction in zip(symbols, directions, strict=True):
        if direction not in (1, -1):
            raise InputError(f"{symbol} has direction {direction}: give +1 for long or -1 for short")
    invalid = np.argwhere(np.isinf(past_returns) | (past_returns < -1.0))
    if invalid.size:
        session, column = invalid[0].tolist()
        raise InputError(
            f"{symbols[column]} returns {past_returns[session, column]} at session {session}: a return is finite, >= -1"
        )
    for symbol, count in zip(symbols, np.isfinite(past_returns).sum(axis=0), strict=True):
        if count < MIN_SESSIONS:
            raise ShortHistoryError(f"{symbol} has {count} sessions in the window and risk needs {MIN_SESSIONS}")
