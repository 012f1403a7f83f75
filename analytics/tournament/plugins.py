"""Interface of an engine from another package: what it is given, and what it returns.

See docs/method/09-tournament.md#9.3.

A plugin is made once for a tournament by a `MakeEngine`, and decides as the built-in engine does: from a `PastView`, which ends
with the train window. It may bring risk profiles of its own beside those of the tournament.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from analytics.tournament.engines import Engine, PoolOf


@dataclass(frozen=True, slots=True, eq=False)
class PluginContext:
    """Facts of the tournament that every plugin is given before the first window.

    Attributes
    ----------
    risk profiles
        The risk profiles that the built-in engine competes in.
    periods_per_year
        252 on the business grid, 365 on the 24/7 grid.
    risk_free_annual
        Rate of max_sharpe and of the metrics, a fraction.
    cap
        Largest gross weight of one cluster in the built-in engine's portfolios; a plugin is free to ignore it.
    seed
        Of the run; a plugin that draws numbers seeds its generator with it, so that the run can be reproduced.
    selected_pool
        The winners that the built-in selection takes from a window's past, with their direction.
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
