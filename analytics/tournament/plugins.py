"""What an engine from outside the house is given, and what it answers.

See docs/method/09-tournament.md#9.3.

A guest is made once for a tournament by a `MakeEngine`, and decides as the house does: from a `PastView`, which ends
with the train window. It may bring risk profiles of its own beside those of the tournament.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from analytics.tournament.engines import Engine, PoolOf


@dataclass(frozen=True, slots=True, eq=False)
class PluginContext:
    """What the house tells every guest before the first window.

    Attributes
    ----------
    risk profiles
        The risk profiles that the house itself competes in.
    periods_per_year
        252 on the business grid, 365 on the 24/7 grid.
    risk_free_annual
        Rate of max_sharpe and of the metrics, a fraction.
    cap
        Largest gross weight of one cluster in the house's portfolios; a guest is free to ignore it.
    seed
        Of the run; a guest that draws numbers seeds its generator with it, so that the run can be reproduced.
    selected_pool
        The winners that the house's own selection takes from a window's past, with their direction.
    raw_pool
        All candidates that the scanners found by then, with their direction.
    """

    risk_profiles: tuple[str, ...]
    periods_per_year: int
    risk_free_annual: float
    cap: float
    seed: int
    selected_pool: PoolOf
    raw_pool: PoolOf


class MakeEngine(Protocol):
    """What an entry point of the group `lakefolio.engines` refers to."""

    def __call__(self, terms: PluginContext, /) -> Engine:
        """Make the engine of one tournament."""
        ...
