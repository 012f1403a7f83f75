"""Input and result of the allocation solvers.

See docs/method/08-allocation.md#8.2, 8.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from analytics._typing import FloatMatrix, FloatVector, IntVector

RiskProfile = Literal[
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

#: Risk profiles that are the optimum of a convex (or exactly convertible) problem, with a certificate.
CONVEX_PROFILES: tuple[RiskProfile, ...] = (
    "min_variance",
    "risk_parity",
    "max_sharpe",
    "min_cvar",
    "max_diversification",
)
#: Risk profiles with a recipe instead of an objective; caps are imposed afterwards and named in `binding`.
RECIPE_PROFILES: tuple[RiskProfile, ...] = ("inverse_volatility", "equal_weight", "hrp", "hrp_plain", "herc", "nco")
PROFILES: tuple[RiskProfile, ...] = CONVEX_PROFILES + RECIPE_PROFILES


@lru_cache(maxsize=8)
def positions(count: int) -> tuple[str, ...]:
    """Return default names for assets without any: "0", "1", ...

    Parameters
    ----------
    count : int

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> positions(3)
    ('0', '1', '2')
    """
    return tuple(map(str, range(count)))


@dataclass(frozen=True, slots=True)
class GroupCaps:
    """Linear upper limits on groups of assets: matrix @ y <= limits.

    Attributes
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
    """Penalty on the turnover ||B y - w_held||_1 over instruments.

    See docs/method/08-allocation.md#8.2.

    Every instrument is a fixed share of at most one asset, so the term is a sum of convex piecewise-linear functions,
    one for each asset.

    Attributes
    ----------
    penalty : float
        lambda: share of the optimal risk that one unit traded may add (`min_variance`, `min_cvar`,
        `max_diversification`).
    held : (M,)
        Held weight of each instrument in the direction of the problem (negative: held in the opposite direction).
    owner : (M,)
        Asset (0..N-1) that each instrument belongs to.
    share : (M,)
        Share of its asset that each instrument takes (the nonzero of its row of B).
    held_elsewhere : float
        Sum of |held| of instruments outside the problem, which are sold in any case.
    annual_cost : float
        Annual return that one unit traded costs (`max_sharpe`).
    """

    penalty: float
    held: FloatVector
    owner: IntVector
    share: FloatVector
    held_elsewhere: float = 0.0
    annual_cost: float = 0.0


@dataclass(frozen=True, slots=True)
class RiskProblem:
    """Long-only allocation over N assets under one risk profile.

    See docs/method/08-allocation.md#8.2.

    The assets are instruments, or clusters by their returns (docs/method/08-allocation.md#8.1).

    Parameters
    ----------
    risk_profile : str
        One of `PROFILES`.
    covariance : (N, N)
        Annualised; symmetric, positive semi-definite.
    upper : (N,)
        Largest weight of each asset, in (0, 1].
    budget : float
        Sum of the weights, in (0, 1].
    is_partial_allowed : bool
        Where the caps cannot hold the budget, invest as much as they hold instead of raising an error.
    mean : (N,)
        Annualised; needed by `max_sharpe`.
    past_returns : (T, N)
        Simple returns, fractions, without NaN; needed by `min_cvar`.
    risk_free_rate : float
        Annual, a fraction.
    turnover : Turnover or None
    risk_budgets : (N,)
        beta of `risk_parity`, positive, sum 1; None = equal.
    groups : GroupCaps or None
        For convex risk profiles except `risk_parity`.
    names : N names
        For messages and `binding`; default "0", "1", ...
    is_definite : bool
        The caller guarantees a symmetric positive definite covariance, as the estimators do. This saves the check, a
        third of the time at N = 1000.
    """

    risk_profile: RiskProfile
    covariance: FloatMatrix
    upper: FloatVector
    budget: float = 1.0
    is_partial_allowed: bool = False
    mean: FloatVector | None = None
    past_returns: FloatMatrix | None = None
    risk_free_rate: float = 0.0
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
    """Weights of a solved problem with their evidence.

    See docs/method/08-allocation.md#8.3.

    Residuals and gap are recomputed from the weights by `certificates`, not taken from the solver.

    Attributes
    ----------
    weights : (N,)
        They sum to the budget, or to the sum of the caps where a partial investment is allowed.
    status : str
        `optimal` for a certified optimum, `closed_form` for a recipe, `no_positive_excess_return` where `max_sharpe`
        has no solution and the weights are those of `min_variance`.
    solver : str
        Algorithm that computed the weights.
    iterations : int
    primal_residual : float
        Largest violation of budget, bounds and groups.
    dual_residual : float
        Largest violation of stationarity, in units of the objective's gradient; for a ratio above 1 relative to the
        ratio.
    gap : float
        Proven bound on the distance of the objective from its optimum; for a ratio above 1 relative to the ratio.
    objective : float
        Value of the risk profile's objective (docs/method/08-allocation.md#8.2); NaN for a recipe.
    binding : tuple of str
        Constraints that hold with equality (`cap:NAME`, `zero:NAME`, `group:NAME`, `projected_cap:NAME`).
    message : str
        Remarks for the reader; empty when there are none.
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
