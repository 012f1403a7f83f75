"""The six components of a market's state, each on windows that end at the session they describe.

See docs/method/07-regime.md#7.1.

Every reading takes windows as rows, so that a stream's own history and its bootstrap samples go through one function.
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
    """How much wider the last ten sessions swing than the last 200.

    See docs/method/07-regime.md#7.1.

    Parameters
    ----------
    past_windows : (W, L)
        Simple returns, oldest first. Rows shorter than 200 use what they have.

    Returns
    -------
    (W,)
        sigma(10) / sigma(200); NaN where the long deviation is 0.
    """
    short = past_windows[:, -SHORT_VOLATILITY_SESSIONS:].std(axis=1, ddof=1)
    long = past_windows[:, -LONG_VOLATILITY_SESSIONS:].std(axis=1, ddof=1)
    return _ratio(short, long)


def dwt_turbulence(past_windows: FloatMatrix) -> FloatVector:
    """Share of the energy that a three-level Haar transform leaves in its details.

    See docs/method/07-regime.md#7.1.

    The transform is orthonormal and its coarsest coefficients are sums of eight neighbours over sqrt(8), so the details
    hold what those do not. White noise gives 7/8.

    Parameters
    ----------
    past_windows : (W, L)
        Simple returns; L a multiple of 8.

    Returns
    -------
    (W,)
        In [0, 1]; NaN where every return is 0.
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
    """Lag-1 autocorrelation of |r|, floor 0.

    See docs/method/07-regime.md#7.1.

    Returns
    -------
    (W,)
        Lagged product sum over the full sum of squares, both about the window's mean; NaN where |r| is constant.
    """
    deviations = np.abs(past_windows)
    deviations = deviations - deviations.mean(axis=1, keepdims=True)
    lagged = np.einsum("ij,ij->i", deviations[:, 1:], deviations[:, :-1])
    return np.maximum(_ratio(lagged, np.einsum("ij,ij->i", deviations, deviations)), 0.0)


def permutation_entropy(past_windows: FloatMatrix) -> FloatVector:
    """Shannon entropy of the order-3, delay-1 patterns over ln 3! (Bandt and Pompe 2002; docs/method/07-regime.md#7.1).

    Equal neighbours count as rising, which is what a stable sort does.

    Returns
    -------
    (W,)
        In [0, 1]: 0 for a monotone window, 1 when the six patterns are equally frequent.
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
    """Loss from the highest of the last 252 closes, a positive fraction.

    See docs/method/07-regime.md#7.1.

    Parameters
    ----------
    past_windows : (W, L)
        Simple returns; 252 closes are 251 returns, and shorter rows use what they have.
    """
    wealth = (1.0 + past_windows[:, -(HIGH_SESSIONS - 1) :]).cumprod(axis=1)
    high = np.maximum(wealth.max(axis=1), 1.0)
    return np.asarray(1.0 - wealth[:, -1] / high, dtype=np.float64)


def average_correlation(past_returns: FloatMatrix, *, window_sessions: int = 64) -> FloatVector:
    """Mean pairwise correlation of the pool over the last 64 sessions.

    See docs/method/03-dependence.md#3.1, docs/method/07-regime.md#7.1.

    Parameters
    ----------
    past_returns : (T, N)
        Physical simple returns, NaN = NULL; a pair needs 20 common sessions.

    Returns
    -------
    (T,)
        NaN before the first full window and where no pair has enough.
    """
    return rolling_mean_correlation(past_returns, window_sessions, min_overlap=MIN_OVERLAP)


def market_stream(past_returns: FloatMatrix, liquidity_usd: FloatVector) -> FloatVector:
    """Liquidity-weighted mean return of the pool, the market where no benchmark has history.

    See docs/method/07-regime.md#7.1.

    Parameters
    ----------
    past_returns : (T, N)
        Physical simple returns, NaN = NULL; the weights of a session are those of the instruments that traded.
    liquidity_usd : (N,)
        Value traded; NaN or 0 leaves the instrument out.

    Returns
    -------
    (T,)
        NaN where nothing with liquidity traded.

    Raises
    ------
    InputError
        When the shapes differ, a value traded is negative or infinite, or none is positive.
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
    # einsum adds each row alike, whatever the number of rows; a BLAS product may not.
    total = np.einsum("ij,j->i", np.where(known, past_returns, 0.0), weights)
    return _ratio(total, np.einsum("ij,j->i", known.astype(np.float64), weights))


def _ratio(numerator: FloatVector, denominator: FloatVector) -> FloatVector:
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
    """Returns that a full window of the component needs.

    See docs/method/07-regime.md#7.1.
    """
    return {"volatility_ratio": LONG_VOLATILITY_SESSIONS, "drawdown": HIGH_SESSIONS - 1}.get(name, window_sessions)
