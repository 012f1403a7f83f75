"""Interface of plugin engines: the context they are given and the factory they provide.

See docs/method/09-tournament.md#9.3.

A plugin is created once for a tournament by a `MakeEngine`, and decides from a `PastView`, which ends with the train
window, as the built-in engines do. It may bring risk profiles of its own in addition to those of the tournament.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from analytics.tournament.engines import Engine, PoolOf


@dataclass(frozen=True, slots=True, eq=False)
class PluginContext:
    """Settings and pools of a tournament that every plugin is given before the first window.

    Attributes
    ----------
    risk_profiles : tuple of str
        Risk profiles of the production engine.
    periods_per_year : int
        252 on the business grid, 365 on the 24/7 grid.
    risk_free_annual : float
        Rate of max_sharpe and of the metrics, a fraction.
    cap : float
        Largest gross weight of one cluster in the production portfolios; a plugin may ignore it.
    seed : int
        Of the run; a plugin that draws random numbers seeds its generator with it, so that the run can be reproduced.
    selected_pool : PastView -> Pool
        Instruments that the production selection chooses from a window's past, with their direction.
    raw_pool : PastView -> Pool
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
    """Factory that an entry point of the group `lakefolio.engines` refers to."""

    def __call__(self, context: PluginContext, /) -> Engine:
        """Make the engine of one tournament."""
        ...
