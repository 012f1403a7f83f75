"""Input and result of the two-layer allocation.

See docs/method/08-allocation.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from analytics._typing import FloatMatrix, FloatVector, IntVector
from analytics.allocation.solvers.risk_problem import RiskProfile, Solution
from analytics.estimation.covariance import CovarianceMethod
from analytics.estimation.shrinkage import ShrinkageTarget

PortfolioProfile = RiskProfile | Literal["barbell"]
Regime = Literal["QUIET", "NORMAL", "TURBULENT", "CRISIS"]


@dataclass(frozen=True, slots=True)
class AllocationProblem:
    """Selected instruments with their clusters, returns, caps and penalties.

    See docs/method/08-allocation.md.

    Parameters
    ----------
    risk_profile : str
        A risk profile of `solve`, or `barbell`.
    symbols, identities : (N,)
        Listing and the instrument behind it; listings of one instrument share an identity.
    directions : (N,)
        +1 for long, -1 for short.
    cluster_ids : (N,)
        From 1.
    past_returns : (T, N)
        Physical simple returns, fractions, NaN where there is none.
    periods_per_year : int
        252 on the business grid, 365 on the 24/7 grid.
    cap : float
        Largest weight of a cluster, in (0, 1].
    instrument_cap : float or None
        Largest weight of an instrument, in (0, 1]; None: only the clusters are capped.
    cash_weight : float
        Weight kept in cash, in [0, 1).
    cash_allowed : bool
        Keep in cash the part of the budget that exceeds the caps, instead of raising an error.
    held_weights : (N,), optional
        Net weight now held of each instrument (short negative).
    held_elsewhere : float
        Sum of |held weight| over instruments that are not among the symbols.
    risk_free_rate : float
        Annual, a fraction.
    regime : str
        Market regime, which sets the size of the aggressor sleeve of `barbell`.
    fragility_penalty : float
        gamma of the tail-adjusted covariance, in [0, 1]; 0 = off.
    turnover_penalty : float
        lambda, share of the optimal risk that one unit traded may add; 0 = off.
    trade_cost_annual : float
        Annual return that one unit traded at every rebalance costs, for `max_sharpe`; 0 = off.
    alpha_weighting : bool
        Include momentum in the blend inside clusters (docs/method/08-allocation.md#8.1).
    covariance_method : str
        See `analytics.estimation.covariance`.
    shrinkage_target : str
        For the method `ledoit_wolf`.
    covariance_halflife_sessions : float or None
        For the methods `ewma` and `ewma_qis`.
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
    fragility_penalty: float = 0.5
    turnover_penalty: float = 0.05
    trade_cost_annual: float = 0.0
    alpha_weighting: bool = True
    covariance_method: CovarianceMethod = "ledoit_wolf"
    shrinkage_target: ShrinkageTarget = "constant_correlation"
    covariance_halflife_sessions: float | None = None


@dataclass(frozen=True, slots=True)
class Allocation:
    """Weights of both layers with their evidence.

    See docs/method/08-allocation.md#8.4.

    Parameters
    ----------
    weights : (N,)
        Gross, nonnegative; with `cash` they sum to 1.
    net_weights : (N,)
        Weight times direction.
    cluster_ids, cluster_weights, caps : (K,)
        In ascending order of the id; a cap is the cluster's own or, if lower, the one implied by the instrument cap.
    blend : (N, K)
        B: weights = B @ cluster_weights.
    risk_contributions : (K,)
        Share of the portfolio's variance by the covariance as estimated, without the tail adjustment; sum 1.
    sleeves : (N,)
        `core` or `aggressor`.
    cash : float
        Weight not invested.
    solution : Solution
        Of the cluster layer; its weights are the cluster weights.
    estimator : str
        Of the covariance of the cluster returns, with its target where it shrinks (docs/method/03-dependence.md#3.3).
    instrument_cap : float or None
        Largest weight that an instrument could take.
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
    instrument_cap: float | None = None
