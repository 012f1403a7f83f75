"""Result of a convex solver, and the check of its certificate."""

from __future__ import annotations

from dataclasses import dataclass

from analytics._typing import FloatVector
from analytics.allocation.errors import SolverError
from analytics.allocation.solvers.certificates import Certificate


@dataclass(frozen=True, slots=True)
class Optimum:
    """Certified weights of a convex solver.

    Attributes
    ----------
    weights : (N,)
    solver : str
        Name of the algorithm.
    iterations : int
    certificate : Certificate
    objective : float
        Value of the objective at the weights.
    """

    weights: FloatVector
    solver: str
    iterations: int
    certificate: Certificate
    objective: float


def accepted(optimum: Optimum) -> Optimum:
    """Return an optimum whose certificate is accepted.

    Parameters
    ----------
    optimum : Optimum

    Returns
    -------
    Optimum
        The same.

    Raises
    ------
    SolverError
        When a residual or the gap exceeds the tolerance.

    Examples
    --------
    >>> proof = Certificate(primal_residual=0.0, dual_residual=1e-3, gap=0.0)
    >>> accepted(Optimum(weights=None, solver="active_set", iterations=7, certificate=proof, objective=0.5))
    Traceback (most recent call last):
        ...
    analytics.allocation.errors.SolverError: active_set stopped after 7 iterations with primal residual 0.0e+00, ...
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
