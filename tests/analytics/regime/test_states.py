"""States by level, drawdown and spectral level, and their hysteresis.

See docs/method/07-regime.md#7.3.
"""

from __future__ import annotations

import numpy as np
import pytest

from analytics.regime.states import DECIDING, classify_sessions, hold_states
from analytics.settings import REGIMES, Flags, RegimeSettings

SETTINGS = RegimeSettings()


@pytest.mark.parametrize(
    ("level", "drawdown", "spectral", "state", "deciding", "without_spectral"),
    [
        (0.89, 0.00, 9.0, "QUIET", "volatility_level", "QUIET"),
        (0.89, 0.10, 1.0, "NORMAL", "drawdown", "NORMAL"),
        (0.90, 0.00, 1.49, "NORMAL", "volatility_level", "NORMAL"),
        (0.90, 0.00, 1.50, "TURBULENT", "spectral_level", "NORMAL"),
        (0.50, 0.30, 1.60, "TURBULENT", "spectral_level", "NORMAL"),
        (1.50, 0.19, 1.0, "TURBULENT", "volatility_level", "NORMAL"),
        (1.50, 0.20, 1.0, "CRISIS", "drawdown", "CRISIS"),
        (2.00, 0.00, 1.0, "CRISIS", "volatility_level", "CRISIS"),
        (9.00, 0.90, 9.0, "CRISIS", "volatility_level", "CRISIS"),
        (1.20, 0.90, np.nan, "NORMAL", "volatility_level", "NORMAL"),
    ],
)
def test_a_session_has_the_state_of_its_cuts(
    level: float, drawdown: float, spectral: float, state: str, deciding: str, without_spectral: str
) -> None:
    session = np.array([level]), np.array([drawdown]), np.array([spectral])
    states, decided = classify_sessions(*session, SETTINGS, Flags())
    assert (REGIMES[states[0]], DECIDING[decided[0]]) == (state, deciding)
    plain, _ = classify_sessions(*session, SETTINGS, Flags(feat_spectral_regimes=False))
    assert REGIMES[plain[0]] == without_spectral


def test_a_state_is_entered_at_once_and_left_after_the_confirming_sessions() -> None:
    states = np.array([0, 2, 0, 0, 3, 1, 1, 1, 0, 0, 0])
    held, deciding = hold_states(states, np.arange(11), 3)
    assert held.tolist() == [0, 2, 2, 2, 3, 3, 3, 1, 1, 1, 0]
    # The newest session that had the state says what decided it.
    assert deciding.tolist() == [0, 1, 1, 1, 4, 4, 4, 7, 7, 7, 10]


def test_one_confirming_session_holds_nothing() -> None:
    states = np.array([3, 0, 1])
    held, deciding = hold_states(states, np.array([0, 1, 2]), 1)
    assert (held.tolist(), deciding.tolist()) == ([3, 0, 1], [0, 1, 2])


def test_longer_confirmation_never_calms_a_session() -> None:
    states = np.random.default_rng(3).integers(0, 4, 500)
    short, long = (hold_states(states, states, sessions)[0] for sessions in (2, 8))
    assert (long >= short).all()
    assert (long > short).any()
