"""Classify each session by the level of its volatility, its drawdown and its spectral level.

See docs/method/07-regime.md#7.3.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from analytics._typing import FloatVector, IntVector
from analytics.regime.components import DRAWDOWN, SPECTRAL_LEVEL, VOLATILITY_LEVEL
from analytics.settings import REGIMES, Flags, RegimeSettings

DECIDING = (VOLATILITY_LEVEL, DRAWDOWN, SPECTRAL_LEVEL)
_QUIET, _NORMAL, _TURBULENT, _CRISIS = range(len(REGIMES))


def classify_sessions(
    levels: FloatVector, drawdowns: FloatVector, spectral_levels: FloatVector, settings: RegimeSettings, flags: Flags
) -> tuple[IntVector, IntVector]:
    """Classify each session by itself, before any hysteresis.

    See docs/method/07-regime.md#7.3.

    Parameters
    ----------
    levels : (T,)
        Volatility over its long-run median.
    drawdowns : (T,)
        Fraction lost since the highest close of 252 sessions.
    spectral_levels : (T,)
        Wavelet deviation over its long-run median.
    settings : RegimeSettings
        Cuts.
    flags : Flags
        Without `feat_spectral_regimes` TURBULENT is NORMAL.

    Returns
    -------
    states : (T,)
        Positions in `REGIMES`.
    deciding : (T,)
        Positions in `DECIDING` of the component without which the state would be a calmer one.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.regime.states import classify_sessions
    >>> from analytics.settings import Flags, RegimeSettings
    >>> states, deciding = classify_sessions(
    ...     np.array([0.8, 0.8, 1.6, 1.6, 1.2]), np.array([0.0, 0.15, 0.0, 0.25, 0.0]), np.array([1.0, 1.0, 1.0, 1.0, 1.7]),
    ...     RegimeSettings(), Flags(),
    ... )
    >>> states.tolist(), deciding.tolist()
    ([0, 1, 2, 3, 2], [0, 1, 0, 1, 2])
    """
    by_level = np.digitize(levels, [settings.quiet_below, settings.turbulent_from, settings.crisis_from])
    falls = ((by_level == _QUIET) & (drawdowns >= settings.quiet_drawdown)) | (
        (by_level == _TURBULENT) & (drawdowns >= settings.crisis_drawdown)
    )
    states = by_level + falls
    deciding = np.where(falls, DECIDING.index(DRAWDOWN), DECIDING.index(VOLATILITY_LEVEL))
    if flags.feat_spectral_regimes:
        is_raised = (states == _NORMAL) & (spectral_levels >= settings.spectral_from)
        states = np.where(is_raised, _TURBULENT, states)
        deciding = np.where(is_raised, DECIDING.index(SPECTRAL_LEVEL), deciding)
    else:
        states = np.where(states == _TURBULENT, _NORMAL, states)
    return np.asarray(states, dtype=np.int64), np.asarray(deciding, dtype=np.int64)


def hold_states(states: IntVector, deciding: IntVector, confirm_sessions: int) -> tuple[IntVector, IntVector]:
    """Hold the highest state of the last sessions: it is entered at once and left when all of them are below.

    See docs/method/07-regime.md#7.3.

    Parameters
    ----------
    states, deciding : (T,)
        As `classify_sessions` returns them.
    confirm_sessions : int
        Sessions below its cut after which a state is left.

    Returns
    -------
    held : (T,)
        Positions in `REGIMES`.
    held_deciding : (T,)
        Component that decided the newest session of the state that is held.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.regime.states import hold_states
    >>> held, deciding = hold_states(np.array([0, 3, 1, 0, 0]), np.array([0, 1, 2, 0, 0]), 3)
    >>> held.tolist(), deciding.tolist()
    ([0, 3, 3, 3, 1], [0, 1, 1, 1, 2])
    """
    before = confirm_sessions - 1
    windows = sliding_window_view(np.concatenate([np.full(before, -1), states]), confirm_sessions)
    # Newest first, so that the first position of the highest state is the newest session that had it.
    age = np.argmax(windows[:, ::-1], axis=1)
    sessions = np.arange(states.size) - age
    return states[sessions], deciding[sessions]
