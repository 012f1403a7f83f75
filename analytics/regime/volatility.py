"""Estimate the volatility of a stream session by session, and the long-run median that it is compared with.

See docs/method/07-regime.md#7.2.

Each value depends on the returns up to its session only, bit for bit.
"""

from __future__ import annotations

from bisect import insort

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal import lfilter

from analytics._typing import FloatMatrix, FloatVector

HAAR_LEVELS = 3


def ewma_volatility(stream: FloatVector, half_life_sessions: float) -> FloatVector:
    """Estimate the volatility of each session by exponentially weighted squares, about a mean of zero.

    See docs/method/07-regime.md#7.2.

    Parameters
    ----------
    stream : (T,)
        Simple returns as fractions, no NaN.
    half_life_sessions : float
        Age at which a square has half the weight of the newest.

    Returns
    -------
    (T,)
        Standard deviation of one session's return; the weights of a short past are scaled to sum to 1.

    References
    ----------
    J. P. Morgan (1996). RiskMetrics technical document, 4th edition.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.regime.volatility import ewma_volatility
    >>> ewma_volatility(np.array([0.03, 0.0]), 1.0).round(4)
    array([0.03  , 0.0173])
    """
    decay = 0.5 ** (1.0 / half_life_sessions)
    filters = [1.0 - decay], [1.0, -decay]
    squares = lfilter(*filters, stream * stream)
    return np.asarray(np.sqrt(squares / lfilter(*filters, np.ones_like(stream))), dtype=np.float64)


def expanding_median(values: FloatVector) -> FloatVector:
    """Compute the median of each value and all before it.

    See docs/method/07-regime.md#7.2.

    Parameters
    ----------
    values : (T,)
        NaN is not counted.

    Returns
    -------
    (T,)
        NaN before the first value.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.regime.volatility import expanding_median
    >>> expanding_median(np.array([np.nan, 3.0, 1.0, np.nan, 8.0]))
    array([nan,  3.,  2.,  2.,  3.])
    """
    known: list[float] = []
    medians: list[float] = []
    for value, is_known in zip(values.tolist(), np.isfinite(values).tolist(), strict=True):
        if is_known:
            insort(known, value)
        half = len(known) // 2
        if not known:
            medians.append(np.nan)
        else:
            medians.append(known[half] if len(known) % 2 else (known[half - 1] + known[half]) / 2.0)
    return np.array(medians, dtype=np.float64)


def shrunk_median(values: FloatVector, prior: float, prior_sessions: float) -> FloatVector:
    """Shrink the expanding median of a volatility in logs towards a prior while its past is short.

    See docs/method/07-regime.md#7.2.

    Parameters
    ----------
    values : (T,)
        Volatilities; NaN and 0 are not counted, since a stream that has not moved yet has no volatility.
    prior : float
        Usual volatility of a stream of this kind.
    prior_sessions : float
        Sessions that the prior counts for.

    Returns
    -------
    (T,)
        exp((n ln median + prior_sessions ln prior) / (n + prior_sessions)) with the n values counted so far.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.regime.volatility import shrunk_median
    >>> shrunk_median(np.array([0.0, 0.04]), 0.01, 1.0).round(3)
    array([0.01, 0.02])
    """
    counted = np.where(values > 0.0, values, np.nan)
    n_counted = np.cumsum(np.isfinite(counted))
    medians = np.where(n_counted > 0, expanding_median(counted), prior)
    total = n_counted + prior_sessions
    # Without a prior and without a value there is nothing to compare with, and the prior stands for it.
    share = np.divide(n_counted, total, out=np.zeros(values.shape), where=total > 0.0)
    return np.asarray(np.exp(share * np.log(medians) + (1.0 - share) * np.log(prior)), dtype=np.float64)


def haar_variances(stream: FloatVector, window_sessions: int) -> FloatMatrix:
    """Estimate the wavelet variance of the last sessions at the scales of 1, 2 and 4 sessions.

    See docs/method/07-regime.md#7.2.

    A coefficient of the maximal-overlap Haar transform at level j is half the difference between the means of two
    neighbouring spans of 2**(j-1) sessions. Its variance for white noise is that of the stream over 2**j.

    Parameters
    ----------
    stream : (T,)
        Simple returns as fractions, no NaN; at least `window_sessions` of them.
    window_sessions : int
        Sessions that each estimate sees; coefficients that need earlier ones are left out.

    Returns
    -------
    (T, 3)
        Mean square of the coefficients by level; NaN before the first full window.

    References
    ----------
    Percival, D. B., Walden, A. T. (2000). Wavelet Methods for Time Series Analysis, chapters 5 and 8.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.regime.volatility import haar_variances
    >>> haar_variances(np.tile([0.01, -0.01], 8), 16)[-1].round(6)
    array([0.0001, 0.    , 0.    ])
    """
    variances = np.full((stream.size, HAAR_LEVELS), np.nan)
    for level in range(1, HAAR_LEVELS + 1):
        width = 2**level
        signs = np.repeat([1.0, -1.0], width // 2) / width
        coefficients = (sliding_window_view(stream, width) * signs).sum(axis=1)
        squares = sliding_window_view(coefficients**2, window_sessions - width + 1)
        # numpy sums the rows of a copy alike, however long the stream is, bit for bit.
        variances[window_sessions - 1 :, level - 1] = squares.copy().mean(axis=1)
    return variances
