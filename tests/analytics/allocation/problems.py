"""An allocation problem with simulated returns, which the tests of the allocation share."""

from __future__ import annotations

import numpy as np

from analytics.allocation import AllocationProblem


def selection(seed: int = 0, clusters: int = 9, members: int = 3, sessions: int = 260) -> AllocationProblem:
    """Clusters of instruments that share a factor each and the market, long or short, in random order."""
    rng = np.random.default_rng(seed)
    count = clusters * members
    cluster_ids = np.repeat(np.arange(1, clusters + 1), members)
    drivers = rng.standard_t(5, size=(sessions, clusters)) * rng.uniform(0.004, 0.015, clusters)
    market = rng.normal(size=(sessions, 1)) * 0.005
    returns = drivers[:, cluster_ids - 1] + market + rng.normal(size=(sessions, count)) * 0.006 + 0.0004
    directions = rng.choice([1, 1, -1], count)
    order = rng.permutation(count)
    return AllocationProblem(
        risk_profile="min_variance",
        symbols=tuple(f"SIMX:S{number:02d}" for number in range(count)),
        identities=tuple(f"I{number:02d}" for number in range(count)),
        directions=directions[order],
        cluster_ids=cluster_ids[order],
        past_returns=(returns * directions)[:, order],
        periods_per_year=252,
    )
