"""What every convex solver hands back, and when it counts."""

from __future__ import annotations

from dataclasses import dataclass

from analytics._typing import FloatVector
from analytics.allocation.errors import SolverError
from analytics.allocation.solvers.certificates import Certificate


@dataclass(frozen=True, slots=True)
class Optimum:
    """Weights (N,), how they were found, the evidence for them, and the objective's value."""

    weights: FloatVector
    solver: str
    iterations: int
    certificate: Certificate
    objective: float


def accepted(optimum: Optimum) -> Optimum:
    """The optimum itself.

    Raises
    ------
    SolverError
        When its certificate is not good enough to call it one.
    """
    certificate = optimum.certificate
    if not certificate.is_accepted:
        message = (
            f"{optimum.solver} stopped after {optimum.iterations} iterations with primal residual "
            f"{certificate.primal_residual:.1e}, dual residual {certificate.dual_residual:.1e} and gap "
            f"{certificate.gap:.1e}. Check the covariance for near-duplicates, or shrink it"
        )
        raise SolverError(message)
    return optimum
