"""Compute the components of the market's state, each from the returns up to the session it describes.

See docs/method/07-regime.md#7.2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from analytics._typing import FloatMatrix, FloatVector
from analytics.errors import InputError
from analytics.estimation.average_correlation import rolling_mean_correlation
from analytics.estimation.correlation import MIN_OVERLAP
from analytics.regime.volatility import HAAR_LEVELS, ewma_volatility, haar_variances, shrunk_median
from analytics.settings import RegimeSettings

SHORT_VOLATILITY_SESSIONS = 10
LONG_VOLATILITY_SESSIONS = 200
HIGH_SESSIONS = 252
WINDOW_SESSIONS = 64
"""Sessions seen by the components that have no window of their own; before the first full one there is no regime."""
VOLATILITY_LEVEL, DRAWDOWN, SPECTRAL_LEVEL = "volatility_level", "drawdown", "spectral_level"
COMPONENTS = (
    VOLATILITY_LEVEL, "volatility_ratio", DRAWDOWN, SPECTRAL_LEVEL, "permutation_entropy", "volatility_clustering",
    "average_correlation",
)  # fmt: skip
_ORDINAL_CODES = 8


@dataclass(frozen=True, slots=True, eq=False)
class VolatilityLevel:
    """Volatility of each session beside its long-run median.

    Attributes
    ----------
    level : (T,)
        Volatility over its long-run median: 1 is usual.
    long_run : (T,)
        Shrunk long-run median of the volatility, a session's standard deviation as a fraction.
    prior_share : (T,)
        Weight of the prior in the long-run median, in [0, 1].
    """

    level: FloatVector
    long_run: FloatVector
    prior_share: FloatVector


def volatility_level(stream: FloatVector, prior: float, settings: RegimeSettings) -> VolatilityLevel:
    """Compare the volatility of the last sessions with its own long-run median.

    See docs/method/07-regime.md#7.2.

    Parameters
    ----------
    stream : (T,)
        Simple returns as fractions, no NaN.
    prior : float
        Usual volatility of a stream of this kind.
    settings : RegimeSettings
        Half-life, and the sessions that the prior counts for.

    Returns
    -------
    VolatilityLevel

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.regime.components import volatility_level
    >>> from analytics.settings import RegimeSettings
    >>> stream = np.concatenate([np.full(500, 0.01), np.full(10, 0.03)])
    >>> volatility_level(stream, 0.01, RegimeSettings()).level[[499, 509]].round(3)
    array([1.   , 2.236])
    """
    volatility = ewma_volatility(stream, settings.half_life_sessions)
    # The first values rest on a handful of returns and would spoil the median.
    counted = volatility.copy()
    counted[: 2 * settings.half_life_sessions] = np.nan
    long_run = shrunk_median(counted, prior, settings.prior_sessions)
    total = np.cumsum(counted > 0.0) + settings.prior_sessions
    prior_share = np.divide(settings.prior_sessions, total, out=np.ones(stream.shape), where=total > 0.0)
    return VolatilityLevel(volatility / long_run, long_run, prior_share)


def spectral_level(stream: FloatVector, prior: float, settings: RegimeSettings) -> FloatVector:
    """Compare the wavelet variance of the last 64 sessions with its own long-run median, scale by scale.

    See docs/method/07-regime.md#7.2.

    Parameters
    ----------
    stream : (T,)
        Simple returns as fractions, no NaN; at least 64 of them.
    prior : float
        Usual volatility of a stream of this kind; its spectrum is that of white noise.
    settings : RegimeSettings
        Sessions that the prior counts for.

    Returns
    -------
    (T,)
        Largest ratio over the scales of 1, 2 and 4 sessions, as a ratio of volatilities; NaN before the 64th session.

    Examples
    --------
    The market swings every other session, where white noise of the same volatility has half its variance.

    >>> import numpy as np
    >>> from analytics.regime.components import spectral_level
    >>> from analytics.settings import RegimeSettings
    >>> spectral_level(np.tile([0.01, -0.01], 32), 0.01, RegimeSettings(prior_sessions=1e9))[-1:].round(3)
    array([1.414])
    """
    deviations = np.sqrt(haar_variances(stream, WINDOW_SESSIONS))
    ratios = [
        deviations[:, level]
        / shrunk_median(deviations[:, level], prior / 2.0 ** ((level + 1) / 2.0), settings.prior_sessions)
        for level in range(HAAR_LEVELS)
    ]
    return np.asarray(np.max(ratios, axis=0), dtype=np.float64)


def volatility_ratio(stream: FloatVector) -> FloatVector:
    """Compare the volatility of the last ten sessions with that of the last 200.

    See docs/method/07-regime.md#7.2.

    Parameters
    ----------
    stream : (T,)
        Simple returns as fractions, no NaN; at least 64 of them.

    Returns
    -------
    (T,)
        sigma(10) / sigma(200), ddof 1; NaN before the 64th session and where the long deviation is 0. Before the 200th
        the long deviation is over the sessions there are.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.regime.components import volatility_ratio
    >>> calm, rough = np.tile([0.01, -0.01], 95), np.tile([0.04, -0.04], 5)
    >>> volatility_ratio(np.concatenate([calm, rough]))[-1:].round(3)
    array([3.179])
    """
    ratios = np.full(stream.shape, np.nan)
    early = np.concatenate([np.zeros(LONG_VOLATILITY_SESSIONS - 1), stream[: LONG_VOLATILITY_SESSIONS - 1]])
    early_windows = sliding_window_view(early, LONG_VOLATILITY_SESSIONS)[WINDOW_SESSIONS - 1 :]
    is_known = (
        np.arange(LONG_VOLATILITY_SESSIONS)
        >= np.arange(
            LONG_VOLATILITY_SESSIONS - WINDOW_SESSIONS,
            LONG_VOLATILITY_SESSIONS - WINDOW_SESSIONS - len(early_windows),
            -1,
        )[:, np.newaxis]
    )
    long = [early_windows.std(axis=1, ddof=1, where=is_known)]
    if stream.size >= LONG_VOLATILITY_SESSIONS:
        long.append(_contiguous_windows(stream, LONG_VOLATILITY_SESSIONS).std(axis=1, ddof=1))
    short = _contiguous_windows(stream, SHORT_VOLATILITY_SESSIONS).std(axis=1, ddof=1)
    ratios[WINDOW_SESSIONS - 1 :] = _ratio(short[WINDOW_SESSIONS - SHORT_VOLATILITY_SESSIONS :], np.concatenate(long))
    return ratios


def volatility_clustering(stream: FloatVector) -> FloatVector:
    """Estimate the lag-1 autocorrelation of absolute returns over the last 64 sessions, at least 0.

    See docs/method/07-regime.md#7.2.

    Parameters
    ----------
    stream : (T,)
        Simple returns as fractions, no NaN; at least 64 of them.

    Returns
    -------
    (T,)
        In [0, 1]: lagged product sum over the full sum of squares, both about the mean of the window; NaN before the
        64th session and where |r| is constant.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.regime.components import volatility_clustering
    >>> volatility_clustering(np.repeat([0.01, -0.05], 32))[-1:].round(3)
    array([0.953])
    """
    deviations = _contiguous_windows(np.abs(stream), WINDOW_SESSIONS)
    deviations -= deviations.mean(axis=1, keepdims=True)
    lagged = np.einsum("ij,ij->i", deviations[:, 1:], deviations[:, :-1])
    return _from_first_window(np.maximum(_ratio(lagged, np.einsum("ij,ij->i", deviations, deviations)), 0.0))


def permutation_entropy(stream: FloatVector) -> FloatVector:
    """Compute the Shannon entropy of the order-3, delay-1 patterns of the last 64 sessions over ln 3!.

    See docs/method/07-regime.md#7.2.

    Equal neighbours count as rising, as in a stable sort.

    Parameters
    ----------
    stream : (T,)
        Simple returns as fractions, no NaN; at least 64 of them.

    Returns
    -------
    (T,)
        In [0, 1]: 0 for a monotone window, 1 when the six patterns are equally frequent; NaN before the 64th session.

    References
    ----------
    Bandt, C., Pompe, B. (2002). Permutation entropy: a natural complexity measure for time series. PRL 88.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.regime.components import permutation_entropy
    >>> permutation_entropy(np.concatenate([np.arange(64.0), [0.0]]))[-2:].round(4)
    array([0.    , 0.0461])
    """
    first, second, third = stream[:-2], stream[1:-1], stream[2:]
    # Three comparisons tell the six orders apart; two of the eight codes cannot occur.
    codes = (first <= second).astype(np.int64) + 2 * (first <= third) + 4 * (second <= third)
    seen = np.zeros((codes.size + 1, _ORDINAL_CODES), dtype=np.int64)
    np.cumsum(codes[:, np.newaxis] == np.arange(_ORDINAL_CODES), axis=0, out=seen[1:])
    n_patterns = WINDOW_SESSIONS - 2
    counts = seen[n_patterns:] - seen[:-n_patterns]
    terms = np.array([0.0, *(count / n_patterns * math.log(count / n_patterns) for count in range(1, n_patterns + 1))])
    return _from_first_window(np.abs(terms[counts].sum(axis=1)) / math.log(math.factorial(3)))


def drawdown_from_high(stream: FloatVector) -> FloatVector:
    """Measure the loss from the highest of the last 252 closes.

    See docs/method/07-regime.md#7.2.

    Parameters
    ----------
    stream : (T,)
        Simple returns as fractions above -1, no NaN; 252 closes are 251 returns, and a short past uses all it has.

    Returns
    -------
    (T,)
        Fraction in [0, 1), positive for a loss.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.regime.components import drawdown_from_high
    >>> drawdown_from_high(np.array([0.10, -0.20, 0.05])).round(3)
    array([0.  , 0.2 , 0.16])
    """
    closes = np.concatenate([[0.0], np.log1p(stream).cumsum()])
    padded = np.concatenate([np.full(HIGH_SESSIONS - 2, -np.inf), closes])
    highs = sliding_window_view(padded, HIGH_SESSIONS).max(axis=1)
    return np.asarray(1.0 - np.exp(closes[1:] - highs), dtype=np.float64)


def average_correlation(past_returns: FloatMatrix, *, window_sessions: int = 64) -> FloatVector:
    """Average the pairwise correlation of the pool over the last 64 sessions.

    See docs/method/03-dependence.md#3.1, docs/method/07-regime.md#7.2.

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


def _contiguous_windows(stream: FloatVector, sessions: int) -> FloatMatrix:
    """Windows as rows of a copy: numpy then sums every row alike, however many there are, bit for bit."""
    return sliding_window_view(stream, sessions).copy()


def _from_first_window(values: FloatVector) -> FloatVector:
    """Prepend NaN for the sessions before the first window of 64."""
    return np.concatenate([np.full(WINDOW_SESSIONS - 1, np.nan), values])
