"""Errors of the allocation package.

AnalyticsError
├── InputError                      (analytics.errors)
│   └── AllocationInputError        invalid problem; names the instrument and the rule it breaks
├── InfeasibleError                 (analytics.errors)
│   └── CapInfeasibleError          caps too small for the budget; carries cap, count and budget
└── SolverError                     a solver stopped without a certified optimum
    └── UnboundedError              the problem has no optimum, because a feasible portfolio is riskless
"""

from __future__ import annotations

from analytics.errors import AnalyticsError, InfeasibleError, InputError


class AllocationInputError(InputError):
    """Invalid allocation problem; the message names the instrument, the rule it breaks and the remedy."""


class CapInfeasibleError(InfeasibleError):
    """Caps whose sum is below the budget.

    See docs/method/08-allocation.md#8.3.

    Attributes
    ----------
    cap : float
        Largest single cap.
    count : int
        Number of clusters or assets.
    capacity : float
        Sum of the caps.
    budget : float
        Weight to be invested.
    instrument_cap : float or None
        Given where it is this cap, and not `cap` alone, that limits the clusters.
    """

    def __init__(
        self,
        *,
        cap: float,
        count: int,
        capacity: float,
        budget: float,
        noun: str = "clusters",
        instrument_cap: float | None = None,
    ) -> None:
        self.cap = cap
        self.count = count
        self.capacity = capacity
        self.budget = budget
        self.instrument_cap = instrument_cap
        needed = int(-(-(budget - 1e-9) // cap)) if cap > 0.0 else 0
        limit, remedy = f"cap {cap:g}", f"at least {needed} {noun} (more instruments, or a lower cluster threshold)"
        if instrument_cap is not None:
            limit = f"instrument_cap {instrument_cap:g} with cap {cap:g}"
            remedy = "a higher instrument_cap, more instruments in each cluster or more clusters"
        super().__init__(
            f"{limit} on K = {count} {noun} holds at most {capacity:.6g} of the {budget:.6g} to be invested "
            f"({budget - capacity:.6g} short). Ways out: {remedy}, or cash_allowed: true, which leaves the rest in cash"
        )


class SolverError(AnalyticsError):
    """Solver stopped without a certified optimum; no other solver is tried in its stead.

    See docs/method/08-allocation.md#8.3.

    Attributes
    ----------
    status : str
        Always `failed`.
    """

    status = "failed"


class UnboundedError(SolverError):
    """Problem without an optimum, because a feasible portfolio has no variance; the message names the statistic."""
