"""The problem a solver is given and the answer it gives back.

See docs/method/08-allocation.md#8.2, 8.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from analytics._typing import FloatMatrix, FloatVector, IntVector

Profile = Literal[
    "min_variance",
    "risk_parity",
    "max_sharpe",
    "min_cvar",
    "max_diversification",
    "inverse_volatility",
    "equal_weight",
    "hrp",
    "hrp_plain",
    "herc",
    "nco",
]
Status = Literal["optimal", "closed_form", "no_positive_excess_return"]

#: Profiles that are the optimum of a convex (or exactly convertible) problem, with a certificate.
CONVEX_PROFILES: tuple[Profile, ...] = ("min_variance", "risk_parity", "max_sharpe", "min_cvar", "max_diversification")
#: Profiles that are a recipe; a cap that the recipe breaks is imposed afterwards and named in `binding`.
RECIPE_PROFILES: tuple[Profile, ...] = ("inverse_volatility", "equal_weight", "hrp", "hrp_plain", "herc", "nco")
PROFILES: tuple[Profile, ...] = CONVEX_PROFILES + RECIPE_PROFILES


@lru_cache(maxsize=8)
def positions(count: int) -> tuple[str, ...]:
    """Names of assets that have none: "0", "1", ..."""
    return tuple(map(str, range(count)))


@dataclass(frozen=True, slots=True)
class GroupCaps:
    """Linear upper limits on groups of assets: matrix @ y <= limits.

    Parameters
    ----------
    matrix : (J, N)
    limits : (J,)
    names : (J,)
    """

    matrix: FloatMatrix
    limits: FloatVector
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Turnover:
    """The L1 term lambda ||B y - w_held||_1 over instruments.

    See docs/method/08-allocation.md#8.2.

    Every instrument is a fixed share of at most one asset, so the term is a sum of convex piecewise-linear functions,
    one per asset.

    Parameters
    ----------
    penalty : lambda, dimensionless.
    held : (M,)
        Held weight of each instrument in the direction it is wanted (negative: held the other way round).
    owner : (M,)
        Which asset (0..N-1) each instrument belongs to.
    share : (M,)
        Share of its asset that each instrument takes (the nonzero of its row of B).
    held_elsewhere : sum of |held| of instruments that are not wanted: they are sold whatever the answer.
    """

    penalty: float
    held: FloatVector
    owner: IntVector
    share: FloatVector
    held_elsewhere: float = 0.0


@dataclass(frozen=True, slots=True)
class RiskProblem:
    """One long-only allocation over N assets (instruments, or the cluster streams of docs/method/08-allocation.md#8.1).

    Parameters
    ----------
    risk_profile : one of `PROFILES`.
    covariance : (N, N)
        Annualised; symmetric, positive semi-definite.
    upper : (N,)
        Largest weight of each asset, in (0, 1].
    budget : sum of the weights, in (0, 1].
    is_partial_allowed : when the caps cannot hold the budget, invest what they hold instead of refusing.
    mean : (N,)
        Annualised; needed by `max_sharpe`.
    past_returns : (T, N)
        Needed by `min_cvar`; no NaN.
    risk_free_rate : annual.
    fragility : (N,)
        f of docs/method/08-allocation.md#8.2 (CVaR95 over its mean); needed where `fragility_penalty` > 0.
    fragility_penalty : gamma; 0 = off.
    turnover : the L1 term, or None.
    risk_budgets : (N,)
        beta of `risk_parity`, positive, sum 1; None = equal.
    groups : limits on groups of assets; convex risk profiles except `risk_parity` only.
    names : (N,)
        For messages and `binding`; default "0", "1", ...
    is_definite : the caller vouches for a symmetric positive definite covariance (its estimator guarantees it), which
        saves the check, a third of the time at N = 1000.
    """

    risk_profile: Profile
    covariance: FloatMatrix
    upper: FloatVector
    budget: float = 1.0
    is_partial_allowed: bool = False
    mean: FloatVector | None = None
    past_returns: FloatMatrix | None = None
    risk_free_rate: float = 0.0
    fragility: FloatVector | None = None
    fragility_penalty: float = 0.0
    turnover: Turnover | None = None
    risk_budgets: FloatVector | None = None
    groups: GroupCaps | None = None
    names: tuple[str, ...] | None = None
    is_definite: bool = False

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the assets, or their positions."""
        return self.names if self.names is not None else positions(self.covariance.shape[0])


@dataclass(frozen=True, slots=True)
class Solution:
    """Weights and the evidence for them.

    See docs/method/08-allocation.md#8.3.

    Residuals and gap are recomputed from the weights by `certificates`, not taken from the solver.

    Parameters
    ----------
    weights : (N,)
        Sum to the budget (or to what the caps hold, where a partial investment is allowed).
    status : "optimal" for a certified optimum, "closed_form" for a recipe, "no_positive_excess_return" where
        `max_sharpe` has no answer and the weights are those of `min_variance`.
    solver : the algorithm that found the weights.
    iterations : its iterations.
    primal_residual : largest violation of budget, bounds and groups.
    dual_residual : largest violation of stationarity, in units of the objective's gradient; of a ratio above 1 relative
        to the ratio.
    gap : proven bound on how far the objective is from its optimum; likewise.
    objective : value of the risk profile's objective (docs/method/08-allocation.md#8.2); NaN for a recipe.
    binding : constraints that hold with equality ("cap:NAME", "zero:NAME", "group:NAME", "projected_cap:NAME").
    message : what a reader must know; empty when nothing.
    """

    weights: FloatVector
    status: Status
    solver: str
    iterations: int
    primal_residual: float
    dual_residual: float
    gap: float
    objective: float
    binding: tuple[str, ...]
    message: str = ""
