"""What the two-layer allocation is asked and what it answers.

See docs/method/08-allocation.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from analytics._typing import FloatMatrix, FloatVector, IntVector
from analytics.allocation.solvers.risk_problem import Profile, Solution
from analytics.estimation.covariance import CovarianceMethod

PortfolioProfile = Profile | Literal["barbell"]
Regime = Literal["QUIET", "NORMAL", "TURBULENT", "CRISIS"]


@dataclass(frozen=True, slots=True)
class AllocationProblem:
    """Selected instruments in their clusters, and the rules for weighing them.

    See docs/method/08-allocation.md.

    Parameters
    ----------
    risk_profile : a risk profile of `solve`, or "barbell".
    symbols, identities : (N,)
    directions : (N,)
        +1 or -1.
    cluster_ids : (N,)
    past_returns : (T, N)
        Physical, fractions, NaN for NULL.
    periods_per_year : 252 on the business grid, 365 on the 24/7 grid.
    cap : largest weight of a cluster.
    instrument_cap : largest weight of an instrument; None = none of its own.
    cash_weight : weight kept in cash.
    cash_allowed : what the caps cannot hold stays in cash instead of being an error.
    held_weights : (N,)
        Signed weight now held of each instrument (short negative).
    held_elsewhere : sum of |held| over instruments that are not among the symbols.
    risk_free_rate : annual.
    regime : decision regime, read by `barbell`.
    fragility_penalty : gamma; 0 = off.
    turnover_penalty : lambda; 0 = off.
    alpha_weighting : momentum in the blend (docs/method/08-allocation.md#8.1).
    covariance_method : see `analytics.estimation.covariance`.
    covariance_halflife_sessions : for the method "ewma".
    """

    risk_profile: PortfolioProfile
    symbols: tuple[str, ...]
    identities: tuple[str, ...]
    directions: IntVector
    cluster_ids: IntVector
    past_returns: FloatMatrix
    periods_per_year: int
    cap: float = 0.25
    instrument_cap: float | None = None
    cash_weight: float = 0.0
    cash_allowed: bool = False
    held_weights: FloatVector | None = None
    held_elsewhere: float = 0.0
    risk_free_rate: float = 0.0
    regime: Regime = "NORMAL"
    fragility_penalty: float = 0.2
    turnover_penalty: float = 0.05
    alpha_weighting: bool = True
    covariance_method: CovarianceMethod = "ledoit_wolf"
    covariance_halflife_sessions: float | None = None


@dataclass(frozen=True, slots=True)
class Allocation:
    """Weights of both layers and the evidence for them.

    Parameters
    ----------
    weights : (N,)
        Gross, nonnegative; with `cash` they sum to 1.
    net_weights : (N,)
        Weight times direction.
    cluster_ids, cluster_weights, caps : (K,)
        In ascending order of the id; a cap is the cluster's own or what its members' instrument cap leaves of it.
    blend : (N, K)
        B: weights = B @ cluster_weights.
    risk_contributions : (K,)
        Share of the portfolio's variance, sum 1.
    sleeves : (N,)
        "core" or "aggressor".
    cash : weight not invested.
    solution : of layer 1; its weights are the cluster weights.
    estimator : of the covariance of the cluster streams, with its target where it shrinks (docs/method/03-dependence.md#3.3).
    """

    risk_profile: PortfolioProfile
    engine: str
    symbols: tuple[str, ...]
    weights: FloatVector
    net_weights: FloatVector
    cluster_ids: IntVector
    cluster_weights: FloatVector
    caps: FloatVector
    blend: FloatMatrix
    risk_contributions: FloatVector
    sleeves: tuple[Literal["core", "aggressor"], ...]
    cash: float
    solution: Solution
    estimator: str
