"""What allocation refuses, and why.

AnalyticsError
├── InputError                      (analytics.errors)
│   └── AllocationInputError        a problem that cannot be right: names the instrument and the rule it breaks
├── InfeasibleError                 (analytics.errors)
│   └── CapInfeasibleError          caps that leave weight unplaced: carries cap, count and budget
└── SolverError                     a solver stopped without a certified answer; its solution has status "failed"
    └── UnboundedError              the problem has no optimum: risk can be had for nothing
"""

from __future__ import annotations

from analytics.errors import AnalyticsError, InfeasibleError, InputError


class AllocationInputError(InputError):
    """A problem that cannot be right; the message names the instrument, the rule and the remedy."""


class CapInfeasibleError(InfeasibleError):
    """The caps cannot hold the budget.

    See docs/method/08-allocation.md#8.3.

    Attributes
    ----------
    cap : the largest single cap.
    count : number of clusters or assets.
    capacity : the sum of the caps.
    budget : the weight that had to be placed.
    instrument_cap : where it, and not the cap alone, keeps the clusters from holding more.
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
        limit, way_out = f"cap {cap:g}", f"at least {needed} {noun} (more instruments, or a lower cluster threshold)"
        if instrument_cap is not None:
            limit = f"instrument_cap {instrument_cap:g} with cap {cap:g}"
            way_out = "a higher instrument_cap, more instruments in each cluster or more clusters"
        super().__init__(
            f"{limit} on K = {count} {noun} holds at most {capacity:.6g} of the {budget:.6g} to be placed "
            f"({budget - capacity:.6g} short). Ways out: {way_out}, or cash_allowed: true, which leaves the rest in cash"
        )


class SolverError(AnalyticsError):
    """A solver stopped without a certified answer; nothing else was tried in its place.

    See docs/method/08-allocation.md#8.3.

    Attributes
    ----------
    status : always "failed", the status of the solution that does not exist.
    """

    status = "failed"


class UnboundedError(SolverError):
    """The problem has no optimum, because some portfolio has no variance; the message says which statistic breaks."""
