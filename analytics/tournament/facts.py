"""Facts of one tournament that no setting holds: its year, its benchmark, its starting portfolio."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TournamentFacts:
    """Facts of one tournament beside its settings.

    Attributes
    ----------
    periods_per_year : int
        252 on the business grid, 365 on the 24/7 grid.
    benchmark_symbol : str
        The market portfolio.
    held_weights : symbol -> signed weight
        Where the first window starts from; empty means cash.
    reference_engine : str or None
        The engine whose regime and counts describe the windows; the first engine when not given.
    """

    periods_per_year: int = 252
    benchmark_symbol: str = "AMEX:SPY"
    held_weights: Mapping[str, float] = field(default_factory=dict)
    reference_engine: str | None = None
