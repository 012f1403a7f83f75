"""Compute the six components of the market's state, each on windows that end at the session they describe.

See docs/method/07-regime.md#7.1.

Every component takes windows as rows, so that the history of the market stream and its bootstrap samples go through
one function.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from analytics._typing import FloatMatrix, FloatVector
from analytics.errors import InputError
from analytics.estimation.average_correlation import rolling_mean_correlation
from analytics.estimation.correlation import MIN_OVERLAP

SHORT_VOLATILITY_SESSIONS = 10
LONG_VOLATILITY_SESSIONS = 200
HIGH_SESSIONS = 252
HAAR_LEVELS = 3
_ORDINAL_CODES = 8


def volatility_ratio(past_windows: FloatMatrix) -> FloatVector:
    """Compare the volatility of the last ten sessions with that of the last 200.

    See docs/method/07-regime.md#7.1.

    Parameters
    ----------
    past_windows : (W, L)
        Simple returns as fractions, oldest first. Rows shorter than 200 use all they have.

    Returns
    -------
    (W,)
        sigma(10) / sigma(200), ddof 1; NaN where the long deviation is 0.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.regime.components import volatility_ratio
    >>> calm, rough = np.tile([0.01, -0.01], 95), np.tile([0.04, -0.04], 5)
    >>> volatility_ratio(np.concatenate([calm, rough])[np.newaxis]).round(3)
    array([3.179])
    """
    short = past_windows[:, -SHORT_VOLATILITY_SESSIONS:].std(axis=1, ddof=1)
    long = past_windows[:, -LONG_VOLATILITY_SESSIONS:].std(axis=1, ddof=1)
    return _ratio(short, long)


def dwt_turbulence(past_windows: FloatMatrix) -> FloatVector:
    """Measure the share of the energy that a three-level Haar transform leaves in its details.

    See docs/method/07-regime.md#7.1.

    The transform is orthonormal and its coarsest coefficients are sums of eight neighbours over sqrt(8), so the details
    have the rest of the energy. White noise gives 7/8.

    Parameters
    ----------
    past_windows : (W, L)
        Simple returns as fractions; L a multiple of 8.

    Returns
    -------
    (W,)
        In [0, 1]; NaN where every return is 0.

    Raises
    ------
    InputError
        L is no multiple of 8.

    References
    ----------
    Mallat, S. G. (1989). A theory for multiresolution signal decomposition: the wavelet representation. IEEE PAMI 11.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.regime.components import dwt_turbulence
    >>> dwt_turbulence(np.stack([np.tile([0.01, -0.01], 4), np.full(8, 0.01)])).round(3)
    array([1., 0.])
    """
    width = 2**HAAR_LEVELS
    windows, sessions = past_windows.shape
    if sessions % width:
        raise InputError(
            f"a Haar transform of {HAAR_LEVELS} levels needs a multiple of {width} sessions, not {sessions}"
        )
    sums = past_windows.reshape(windows, sessions // width, width).sum(axis=2)
    coarse = np.einsum("ij,ij->i", sums, sums) / width
    energy = np.einsum("ij,ij->i", past_windows, past_windows)
    return np.clip(1.0 - _ratio(coarse, energy), 0.0, 1.0)


def volatility_clustering(past_windows: FloatMatrix) -> FloatVector:
    """Estimate the lag-1 autocorrelation of absolute returns, at least 0.

    See docs/method/07-regime.md#7.1.

    Parameters
    ----------
    past_windows : (W, L)
        Simple returns as fractions.

    Returns
    -------
    (W,)
        In [0, 1]: lagged product sum over the full sum of squares, both about the mean of the window; NaN where |r| is
        constant.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.regime.components import volatility_clustering
    >>> volatility_clustering(np.array([[0.01, -0.01, 0.01, 0.05, -0.05, 0.05]])).round(3)
    array([0.5])
    """
    deviations = np.abs(past_windows)
    deviations = deviations - deviations.mean(axis=1, keepdims=True)
    lagged = np.einsum("ij,ij->i", deviations[:, 1:], deviations[:, :-1])
    return np.maximum(_ratio(lagged, np.einsum("ij,ij->i", deviations, deviations)), 0.0)


def permutation_entropy(past_windows: FloatMatrix) -> FloatVector:
    """Compute the Shannon entropy of the order-3, delay-1 patterns over ln 3!.

    See docs/method/07-regime.md#7.1.

    Equal neighbours count as rising, as in a stable sort.

    Parameters
    ----------
    past_windows : (W, L)
        Simple returns as fractions; L at least 3.

    Returns
    -------
    (W,)
        In [0, 1]: 0 for a monotone window, 1 when the six patterns are equally frequent.

    References
    ----------
    Bandt, C., Pompe, B. (2002). Permutation entropy: a natural complexity measure for time series. PRL 88.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.regime.components import permutation_entropy
    >>> permutation_entropy(np.array([[4.0, 7.0, 9.0, 10.0, 6.0, 11.0, 3.0]])).round(4)
    array([0.5888])
    """
    first, second, third = past_windows[:, :-2], past_windows[:, 1:-1], past_windows[:, 2:]
    # Three comparisons tell the six orders apart; two of the eight codes cannot occur.
    codes = (first <= second).astype(np.int8) + 2 * (first <= third).astype(np.int8)
    codes += 4 * (second <= third).astype(np.int8)
    counts = np.stack([(codes == code).sum(axis=1) for code in range(_ORDINAL_CODES)], axis=1)
    shares = counts / codes.shape[1]
    logs = np.log(shares, where=shares > 0.0, out=np.zeros_like(shares))
    return np.asarray(-(shares * logs).sum(axis=1) / math.log(math.factorial(3)), dtype=np.float64)


def drawdown_from_high(past_windows: FloatMatrix) -> FloatVector:
    """Measure the loss from the highest of the last 252 closes.

    See docs/method/07-regime.md#7.1.

    Parameters
    ----------
    past_windows : (W, L)
        Simple returns as fractions; 252 closes are 251 returns, and shorter rows use all they have.

    Returns
    -------
    (W,)
        Fraction in [0, 1], positive for a loss.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.regime.components import drawdown_from_high
    >>> drawdown_from_high(np.array([[0.10, -0.20, 0.05]])).round(3)
    array([0.16])
    """
    wealth = (1.0 + past_windows[:, -(HIGH_SESSIONS - 1) :]).cumprod(axis=1)
    high = np.maximum(wealth.max(axis=1), 1.0)
    return np.asarray(1.0 - wealth[:, -1] / high, dtype=np.float64)


def average_correlation(past_returns: FloatMatrix, *, window_sessions: int = 64) -> FloatVector:
    """Average the pairwise correlation of the pool over the last 64 sessions.

    See docs/method/03-dependence.md#3.1, docs/method/07-regime.md#7.1.

    Parameters
    ----------
    past_returns : (T, N)
        Physical simple returns as fractions, NaN for NULL; a pair needs 20 common sessions.
    window_sessions : int
        Sessions of each window.

    Returns
    -------
    (T,)
        In [-1, 1]; NaN before the first full window and where no pair has enough sessions.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.regime.components import average_correlation
    >>> rng = np.random.default_rng(0)
    >>> pool = 0.01 * (rng.normal(size=(65, 1)) + rng.normal(size=(65, 5)))
    >>> average_correlation(pool)[-3:].round(2)
    array([ nan, 0.46, 0.47])
    """
    return rolling_mean_correlation(past_returns, window_sessions, min_overlap=MIN_OVERLAP)


def market_stream(past_returns: FloatMatrix, liquidity_usd: FloatVector) -> FloatVector:
    """Average the returns of the pool by value traded, as the market stream where no benchmark has history.

    See docs/method/07-regime.md#7.1.

    Parameters
    ----------
    past_returns : (T, N)
        Physical simple returns as fractions, NaN for NULL; a session is weighted over the instruments that traded.
    liquidity_usd : (N,)
        Value traded in USD; NaN or 0 leaves the instrument out.

    Returns
    -------
    (T,)
        Simple returns as fractions; NaN where nothing with liquidity traded.

    Raises
    ------
    InputError
        Shapes that differ, a value traded that is negative or infinite, or none that is positive.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.regime.components import market_stream
    >>> returns = np.array([[0.01, 0.03, 0.5], [np.nan, 0.02, 0.5]])
    >>> market_stream(returns, np.array([3e6, 1e6, np.nan])).round(4)
    array([0.015, 0.02 ])
    """
    if liquidity_usd.shape != (past_returns.shape[1],):
        raise InputError(f"{past_returns.shape[1]} instruments need as many values traded, not {liquidity_usd.shape}")
    weights = np.nan_to_num(liquidity_usd, nan=0.0, posinf=np.inf)
    if (weights < 0.0).any() or np.isinf(weights).any():
        first = int(np.flatnonzero((weights < 0.0) | np.isinf(weights))[0])
        raise InputError(f"value traded of instrument {first} is {liquidity_usd[first]}: give USD, or NaN if unknown")
    if not (weights > 0.0).any():
        raise InputError("no instrument of the pool has a value traded: name a benchmark for the regime instead")
    known = np.isfinite(past_returns)
    # einsum adds each row alike for any number of rows; a BLAS product may not.
    total = np.einsum("ij,j->i", np.where(known, past_returns, 0.0), weights)
    return _ratio(total, np.einsum("ij,j->i", known.astype(np.float64), weights))


def _ratio(numerator: FloatVector, denominator: FloatVector) -> FloatVector:
    """Quotient; NaN where the denominator is not positive."""
    out = np.full(numerator.shape, np.nan)
    return np.asarray(np.divide(numerator, denominator, out=out, where=denominator > 0.0), dtype=np.float64)


STREAM_COMPONENTS: Mapping[str, Callable[[FloatMatrix], FloatVector]] = MappingProxyType(
    {
        "volatility_ratio": volatility_ratio,
        "dwt_turbulence": dwt_turbulence,
        "volatility_clustering": volatility_clustering,
        "permutation_entropy": permutation_entropy,
        "drawdown": drawdown_from_high,
    }
)
COMPONENTS: tuple[str, ...] = (*STREAM_COMPONENTS, "average_correlation")


def component_sessions(name: str, window_sessions: int) -> int:
    """Look up the number of returns that a full window of a component needs.

    See docs/method/07-regime.md#7.1.

    Parameters
    ----------
    name : str
        One of `STREAM_COMPONENTS`.
    window_sessions : int
        Window of the components that have none of their own.

    Returns
    -------
    int

    Examples
    --------
    >>> from analytics.regime.components import component_sessions
    >>> component_sessions("drawdown", 64), component_sessions("permutation_entropy", 64)
    (251, 64)
    """
    return {"volatility_ratio": LONG_VOLATILITY_SESSIONS, "drawdown": HIGH_SESSIONS - 1}.get(name, window_sessions)
