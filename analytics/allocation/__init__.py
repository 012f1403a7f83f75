"""Allocate weights to clusters and to the instruments inside them.

See docs/method/08-allocation.md.

`allocate` is the two-layer allocation that production and the tournament use: it blends instruments inside clusters and
applies a risk profile over the clusters. `solve` applies a risk profile to plain arrays.
"""

from __future__ import annotations

from analytics.allocation.allocate import allocate
from analytics.allocation.barbell import AGGRESSOR_SHARE
from analytics.allocation.cluster_returns import blend_members, compute_cluster_returns
from analytics.allocation.errors import AllocationInputError, CapInfeasibleError, SolverError, UnboundedError
from analytics.allocation.portfolio import Allocation, AllocationProblem, PortfolioProfile, Regime
from analytics.allocation.solvers.risk_problem import (
    CONVEX_PROFILES,
    PROFILES,
    RECIPE_PROFILES,
    GroupCaps,
    RiskProblem,
    RiskProfile,
    Solution,
    Status,
    Turnover,
)
from analytics.allocation.solvers.solve import solve

__all__ = [
    "AGGRESSOR_SHARE",
    "CONVEX_PROFILES",
    "PROFILES",
    "RECIPE_PROFILES",
    "Allocation",
    "AllocationInputError",
    "AllocationProblem",
    "CapInfeasibleError",
    "GroupCaps",
    "PortfolioProfile",
    "Regime",
    "RiskProblem",
    "RiskProfile",
    "Solution",
    "SolverError",
    "Status",
    "Turnover",
    "UnboundedError",
    "allocate",
    "blend_members",
    "compute_cluster_returns",
    "solve",
]
