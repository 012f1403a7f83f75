"""Measure the risk appetite of currency markets and the exposure it allows.

See docs/method/07-regime.md#7.6.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from analytics._typing import FloatMatrix, FloatVector
from analytics.errors import InputError, ShortHistoryError

G8 = ("USD", "EUR", "JPY", "GBP", "CHF", "AUD", "NZD", "CAD")
RISK_ON = ("AUD", "NZD", "CAD")
RISK_OFF = ("JPY", "CHF", "USD")
STRENGTH_SESSIONS = 20
SCORE_SESSIONS = 250
SENSITIVITY = 0.25
MULTIPLIER_BOUNDS = (0.5, 1.0)
SCALED_CLASSES = frozenset({"crypto", "equity"})


def currency_strength(past_closes: Mapping[str, FloatVector]) -> FloatMatrix:
    """Measure the rise of each G8 currency against the other seven over 20 sessions.

    See docs/method/07-regime.md#7.6.

    Parameters
    ----------
    past_closes : mapping of str to (T,)
        Currency to USD per unit of the seven others, on one grid; NaN where there was no fix. USD itself is 1 and may
        be left out.

    Returns
    -------
    (T, 8)
        Mean log return over 20 sessions against the other seven, columns in the order of `G8`; NaN where a currency
        lacks either end.

    Raises
    ------
    InputError
        A currency is missing or unknown, a close is not positive, or the lengths differ.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.regime.sentiment import G8, currency_strength
    >>> closes = {currency: np.ones(21) for currency in G8 if currency != "USD"}
    >>> closes["EUR"][-1] = 1.08
    >>> dict(zip(G8, currency_strength(closes)[-1].round(4).tolist()))["EUR"]
    0.077
    """
    levels = _log_levels(past_closes)
    changes = np.full(levels.shape, np.nan)
    changes[STRENGTH_SESSIONS:] = levels[STRENGTH_SESSIONS:] - levels[:-STRENGTH_SESSIONS]
    # The mean over the other seven of own minus theirs, with crosses through USD.
    others = len(G8) - 1
    return np.asarray((len(G8) * changes - changes.sum(axis=1, keepdims=True)) / others, dtype=np.float64)


def risk_appetite(past_closes: Mapping[str, FloatVector]) -> FloatVector:
    """Compare the strength of risk currencies with that of safe havens, in standard deviations.

    See docs/method/07-regime.md#7.6.

    S = mean(AUD, NZD, CAD) - mean(JPY, CHF, USD) of the strengths, each z-scored over the last 250 sessions, the
    current one included.

    Parameters
    ----------
    past_closes : mapping of str to (T,)
        As in `currency_strength`.

    Returns
    -------
    (T,)
        NaN until 250 strengths are known, or where one of them is not.

    Raises
    ------
    InputError
        As in `currency_strength`.
    ShortHistoryError
        The grid has fewer than 270 sessions.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.regime.sentiment import G8, risk_appetite
    >>> rng = np.random.default_rng(0)
    >>> closes = {currency: np.exp(0.005 * rng.normal(size=270).cumsum()) for currency in G8 if currency != "USD"}
    >>> closes["JPY"][-5:] *= 1.1
    >>> risk_appetite(closes)[-2:].round(2)
    array([  nan, -0.82])
    """
    strengths = currency_strength(past_closes)
    sessions, needed = strengths.shape[0], STRENGTH_SESSIONS + SCORE_SESSIONS
    if sessions < needed:
        raise ShortHistoryError(f"risk appetite needs {needed} sessions of currency closes and has {sessions}")
    windows = sliding_window_view(strengths, SCORE_SESSIONS, axis=0)
    deviation = windows.std(axis=2, ddof=1)
    scores = np.full(strengths.shape, np.nan)
    distance = strengths[SCORE_SESSIONS - 1 :] - windows.mean(axis=2)
    scores[SCORE_SESSIONS - 1 :] = np.divide(
        distance, deviation, out=np.full_like(distance, np.nan), where=deviation > 0.0
    )
    return np.asarray(_mean_of(scores, RISK_ON) - _mean_of(scores, RISK_OFF), dtype=np.float64)


def exposure_multiplier(risk_appetite_score: float) -> float:
    """Convert risk appetite to the share of crypto and equity gross weight that is kept: clip(1 + 0.25 S, 0.5, 1.0).

    See docs/method/07-regime.md#7.6.

    Parameters
    ----------
    risk_appetite_score : float
        S, in standard deviations.

    Returns
    -------
    float
        In [0.5, 1].

    Raises
    ------
    InputError
        S is not finite: an unknown appetite is not a neutral one.

    Examples
    --------
    >>> from analytics.regime.sentiment import exposure_multiplier
    >>> exposure_multiplier(-1.0), exposure_multiplier(2.0)
    (0.75, 1.0)
    """
    if not np.isfinite(risk_appetite_score):
        raise InputError("risk appetite is unknown at this session: fetch the currencies or turn the multiplier off")
    return float(np.clip(1.0 + SENSITIVITY * risk_appetite_score, *MULTIPLIER_BOUNDS))


_COLUMN: Mapping[str, int] = MappingProxyType({currency: column for column, currency in enumerate(G8)})


def _mean_of(scores: FloatMatrix, currencies: tuple[str, ...]) -> FloatVector:
    """Mean of the columns of these currencies (T,)."""
    return np.asarray(scores[:, [_COLUMN[currency] for currency in currencies]].mean(axis=1), dtype=np.float64)


def _log_levels(past_closes: Mapping[str, FloatVector]) -> FloatMatrix:
    """Log closes (T, 8) in the order of `G8`, after checking them."""
    unknown = sorted(set(past_closes) - set(G8))
    missing = [currency for currency in G8 if currency != "USD" and currency not in past_closes]
    if unknown or missing:
        problem = f"lacks {', '.join(missing)}" if missing else f"does not include {unknown[0]}"
        raise InputError(f"currency strength {problem}: give USD per unit of {', '.join(G8[1:])}")
    sessions = next(iter(past_closes.values())).size
    columns = []
    for currency in G8:
        closes = past_closes.get(currency, np.ones(sessions))
        if closes.shape != (sessions,):
            raise InputError(f"{currency} has shape {closes.shape} and the grid {sessions} sessions: give one grid")
        if (np.isinf(closes) | (closes <= 0.0)).any():
            raise InputError(f"{currency} has a close that is not positive and finite: quarantine it first")
        columns.append(np.log(closes))
    return np.stack(columns, axis=1)
