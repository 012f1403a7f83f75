"""Raise the volatilities of streams whose tails are worse than their volatility says.

See docs/method/08-allocation.md#8.2.
"""

from __future__ import annotations

import numpy as np

from analytics._typing import FloatMatrix, FloatVector
from analytics.errors import InputError
from analytics.estimation.instrument_risk import conditional_value_at_risk

#: A tail counts as at most this many times, and at least this part of, the tail of the pool.
MOST_TAIL = 2.0


def relative_tails(past_returns: FloatMatrix) -> FloatVector:
    """Compare CVaR95 over volatility of each stream with the mean over the pool.

    See docs/method/08-allocation.md#8.2.

    Parameters
    ----------
    past_returns : (T, K)
        Simple returns of the streams as fractions; NaN for NULL.

    Returns
    -------
    (K,)
        1 for a stream with the tail of the pool, within [1/2, 2].

    Raises
    ------
    InputError
        When the streams do not lose in their tails on average, so that a tail has no unit.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.tail_adjustment import relative_tails
    >>> calm = np.tile([0.01, -0.01], 50)
    >>> crashing = np.append(np.full(95, 0.002), np.full(5, -0.04))
    >>> relative_tails(np.column_stack([calm, crashing])).round(3)
    array([0.5  , 1.628])
    """
    tails = conditional_value_at_risk(past_returns) / np.nanstd(past_returns, axis=0, ddof=1)
    level = float(tails.mean())
    if not level > 0.0:
        message = (
            f"the mean of CVaR95 over volatility is {level:.3g}: the streams do not lose in their tails, so a tail has "
            "no unit. Give more sessions, or turn feat_fragility_penalty off"
        )
        raise InputError(message)
    return np.asarray(np.clip(tails / level, 1.0 / MOST_TAIL, MOST_TAIL), dtype=np.float64)


def adjust_for_tails(covariance: FloatMatrix, past_returns: FloatMatrix, gamma: float) -> FloatMatrix:
    """Replace each volatility v by v^(1 - gamma) * (CVaR95 / c)^gamma and keep the correlations.

    See docs/method/08-allocation.md#8.2.

    c is the mean of CVaR95 / v over the pool, so v is multiplied by its relative tail to the power gamma. With equal
    tails nothing changes.

    Parameters
    ----------
    covariance : (K, K)
        In any unit.
    past_returns : (T, K)
        Simple returns of the streams as fractions, from which tail and volatility are compared; NaN for NULL.
    gamma : float
        In [0, 1]; 0 leaves the covariance as it is, at 1 volatilities are in proportion to CVaR95.

    Returns
    -------
    (K, K)
        In the unit of the covariance; each volatility within a factor 2^gamma of the one given.

    Raises
    ------
    InputError
        As `relative_tails`.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.tail_adjustment import adjust_for_tails
    >>> calm = np.tile([0.01, -0.01], 50)
    >>> crashing = np.append(np.full(95, 0.002), np.full(5, -0.04))
    >>> adjust_for_tails(np.eye(2), np.column_stack([calm, crashing]), gamma=0.5).round(3)
    array([[0.5  , 0.   ],
           [0.   , 1.628]])
    """
    if gamma == 0.0:
        return covariance
    factor = relative_tails(past_returns) ** gamma
    return np.asarray(covariance * np.outer(factor, factor), dtype=np.float64)
