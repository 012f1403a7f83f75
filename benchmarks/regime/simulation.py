"""Simulate markets of white noise, calm and with a fourfold jump of volatility."""

from __future__ import annotations

import numpy as np

from analytics.regime.detection import detect_regime
from analytics.settings import REGIMES, Flags, RegimeSettings
from benchmarks.regime.measures import TURBULENT

KIND = "etf"
PAST_SESSIONS = (120, 260, 500, 1000, 2000)
JUMP_SESSIONS = 10
JUMP_FACTOR = 4.0


def noise_and_jumps(
    past: int, settings: RegimeSettings, *, n_simulations: int, seed: int, scale: float = 1.0
) -> tuple[float, float]:
    """Simulate noise whose volatility jumps fourfold after a past.

    Parameters
    ----------
    past : int
        Sessions before the jump.
    settings : RegimeSettings
        Cuts and priors.
    n_simulations : int
        Number of markets.
    seed : int
        Of the noise.
    scale : float
        Volatility of the noise over the prior of its kind.

    Returns
    -------
    alarms : float
        Share of the judged sessions before the jump that are TURBULENT or CRISIS.
    seen : float
        Share of the jumps after which one of the next ten sessions is.
    """
    rng = np.random.default_rng([seed, past])
    alarms, seen = [], []
    for _ in range(n_simulations):
        stream = scale * settings.prior_for(KIND) * rng.standard_normal(past + JUMP_SESSIONS)
        stream[past:] *= JUMP_FACTOR
        history = detect_regime(stream, kind=KIND, settings=settings, flags=Flags())
        is_alarm = [REGIMES.index(regime) >= TURBULENT for regime in history.regimes if regime is not None]
        alarms.append(np.mean(is_alarm[:-JUMP_SESSIONS]))
        seen.append(any(is_alarm[-JUMP_SESSIONS:]))
    return float(np.mean(alarms)), float(np.mean(seen))
