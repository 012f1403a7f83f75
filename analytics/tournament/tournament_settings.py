"""Settings of a tournament.

See docs/method/09-tournament.md#9.1, 9.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from analytics.errors import InputError
from analytics.tournament.simulators import DAILY, IDEALIZED, REALIZED, WINDOW, Frictions


@dataclass(frozen=True, slots=True)
class TournamentSettings:
    """How the tournament is held; lengths in sessions.

    Attributes
    ----------
    rebalance : str
        `window` (one trade, then drift) or `daily`, for both simulators alike.
    held_weights : symbol -> signed weight
        Where the first window starts from; empty: cash.
    reference_engine : str
        Whose regime and counts describe the windows; the first engine when not given.
    n_samples : int
        Bootstrap samples.
    """

    train: int = 252
    test: int = 20
    step: int = 20
    rebalance: str = WINDOW
    simulators: tuple[str, ...] = (IDEALIZED, REALIZED)
    frictions: Frictions = field(default_factory=Frictions)
    periods_per_year: int = 252
    risk_free_annual: float = 0.0
    benchmark_symbol: str = "AMEX:SPY"
    held_weights: Mapping[str, float] = field(default_factory=dict)
    reference_engine: str | None = None
    n_samples: int = 1000

    def __post_init__(self) -> None:
        if self.rebalance not in {WINDOW, DAILY}:
            raise InputError(f"rebalance {self.rebalance!r} is neither {WINDOW!r} nor {DAILY!r}")
        unknown = sorted(set(self.simulators) - {IDEALIZED, REALIZED})
        if unknown or not self.simulators:
            raise InputError(f"simulators {list(self.simulators)}: known are {IDEALIZED} and {REALIZED}")
