"""Validate allocation problems; nothing is repaired, and every message names the asset."""

from __future__ import annotations

from typing import NoReturn

import numpy as np
from scipy.linalg.lapack import dpotrf

from analytics._typing import FloatMatrix, FloatVector
from analytics.allocation.errors import AllocationInputError
from analytics.allocation.solvers.risk_problem import CONVEX_PROFILES, PROFILES, RiskProblem, positions

SYMMETRY_TOLERANCE = 1e-10
#: Smallest eigenvalue, relative to the mean variance, that still counts as positive semi-definite.
DEFINITENESS_TOLERANCE = 1e-10
#: Covariance, relative to the mean variance, that rounding may leave to an asset without any.
ROUNDING = 1e-14


def _refuse(message: str) -> NoReturn:
    raise AllocationInputError(message)


def check_vector(values: FloatVector, count: int, label: str, names: tuple[str, ...]) -> None:
    """Validate the length of a vector and that its values are finite.

    Parameters
    ----------
    values : array
    count : int
        Expected length N.
    label : str
        Name of the vector in messages.
    names : N names
        Of the assets.

    Raises
    ------
    AllocationInputError
        When the shape is not (N,) or a value is not finite.

    Examples
    --------
    >>> check_vector(np.array([0.1, float("nan")]), 2, "the mean", ("A", "B"))
    Traceback (most recent call last):
        ...
    analytics.allocation.errors.AllocationInputError: the mean of B is nan; give a finite value or leave the asset ...
    """
    if values.shape != (count,):
        _refuse(
            f"{label} has shape {values.shape}, expected ({count},): one value per asset, in the order of the names"
        )
    if not np.all(np.isfinite(values)):
        column = int(np.flatnonzero(~np.isfinite(values))[0])
        _refuse(f"{label} of {names[column]} is {values[column]}; give a finite value or leave the asset out")


def check_names(names: tuple[str, ...], count: int, label: str = "names") -> None:
    """Validate that there is one distinct name for each asset.

    Parameters
    ----------
    names : tuple of str
    count : int
        Number of assets.
    label : str
        Name of the list in messages.

    Raises
    ------
    AllocationInputError
        When the number of names is wrong or a name is repeated.

    Examples
    --------
    >>> check_names(("A", "A"), 2)
    Traceback (most recent call last):
        ...
    analytics.allocation.errors.AllocationInputError: names holds A twice; every asset has one name
    """
    if len(names) != count:
        _refuse(f"{len(names)} {label} for {count} assets")
    if len(set(names)) != count:
        repeated = next(name for column, name in enumerate(names) if name in names[:column])
        _refuse(f"{label} holds {repeated} twice; every asset has one name")


def check_covariance(covariance: FloatMatrix, names: tuple[str, ...], *, is_definite: bool) -> None:
    """Validate that a covariance is finite, symmetric and positive semi-definite.

    Parameters
    ----------
    covariance : (N, N)
    names : N names
    is_definite : bool
        The caller guarantees a symmetric positive definite matrix; symmetry and definiteness are not checked.

    Raises
    ------
    AllocationInputError
        When the matrix is invalid; the message names the pair or the assets.

    Examples
    --------
    >>> check_covariance(np.array([[1.0, 2.0], [2.0, 1.0]]), ("A", "B"), is_definite=False)
    Traceback (most recent call last):
        ...
    analytics.allocation.errors.AllocationInputError: the covariance is indefinite: A and B have 2, more than the ...
    """
    if covariance.ndim != 2 or covariance.shape[0] != covariance.shape[1] or covariance.shape[0] == 0:
        _refuse(f"the covariance has shape {covariance.shape}, expected (N, N) with N >= 1")
    if not np.isfinite(covariance @ np.ones(covariance.shape[0])).all():
        first = np.argwhere(~np.isfinite(covariance))
        if first.size:
            row, column = first[0]
            _refuse(f"the covariance of {names[row]} and {names[column]} is {covariance[row, column]}")
        _refuse("the covariance overflows when summed; check its unit")
    variances = covariance.diagonal()
    if np.any(variances < 0.0):
        _refuse(f"the variance of {names[int(variances.argmin())]} is {variances.min():.3g}, below 0")
    level = float(variances.mean())
    if level == 0.0:
        _refuse("every asset has zero variance: there is no risk to allocate. Check the returns")
    if is_definite:
        return
    asymmetry = np.abs(covariance - covariance.T)
    if float(asymmetry.max()) > SYMMETRY_TOLERANCE * level:
        row, column = np.unravel_index(int(asymmetry.argmax()), asymmetry.shape)
        _refuse(f"the covariance is not symmetric: {names[row]} / {names[column]} differ by {asymmetry.max():.3g}")
    _, info = dpotrf(covariance, lower=1, clean=0)
    if info != 0:
        _refuse_indefinite(covariance, level, names)


def _refuse_indefinite(covariance: FloatMatrix, level: float, names: tuple[str, ...]) -> None:
    """Raise for an indefinite matrix, naming the pair or the assets that cause it."""
    volatility = np.sqrt(covariance.diagonal())
    excess = np.abs(covariance) - (1.0 + SYMMETRY_TOLERANCE) * np.outer(volatility, volatility) - ROUNDING * level
    row, column = np.unravel_index(int(excess.argmax()), excess.shape)
    if excess[row, column] > 0.0:
        _refuse(
            f"the covariance is indefinite: {names[row]} and {names[column]} have {covariance[row, column]:.3g}, more "
            f"than the product of their volatilities, {volatility[row] * volatility[column]:.3g}"
        )
    values, vectors = np.linalg.eigh(covariance)
    if values[0] < -DEFINITENESS_TOLERANCE * level * covariance.shape[0]:
        leading = [names[column] for column in np.argsort(-np.abs(vectors[:, 0]))[:3]]
        _refuse(
            f"the covariance is indefinite: smallest eigenvalue {values[0]:.3g}, mean variance {level:.3g}, above all "
            f"because of {', '.join(leading)}"
        )


def _check_returns(problem: RiskProblem, count: int, names: tuple[str, ...]) -> None:
    returns = problem.past_returns
    if returns is None:
        _refuse("min_cvar needs past_returns (T, N)")
    if returns.ndim != 2 or returns.shape[1] != count or returns.shape[0] < 2:
        _refuse(f"past_returns has shape {returns.shape}, expected (T, {count}) with T >= 2")
    known = np.asarray(np.isfinite(returns)).all(axis=0)
    if not np.all(known):
        _refuse(f"past_returns of {names[int(np.argmin(known))]} hold a value that is not finite; align them first")


def check_problem(problem: RiskProblem) -> None:
    """Validate an allocation problem.

    Parameters
    ----------
    problem : RiskProblem

    Raises
    ------
    AllocationInputError
        When an input is invalid; the message names the asset and the rule.

    Examples
    --------
    >>> check_problem(RiskProblem("min_variance", np.eye(2), np.array([0.6, 1.5]), names=("A", "B")))
    Traceback (most recent call last):
        ...
    analytics.allocation.errors.AllocationInputError: the cap of B is 1.5; caps lie in (0, 1]
    """
    if problem.risk_profile not in PROFILES:
        _refuse(f"unknown risk profile {problem.risk_profile!r}; known: {', '.join(PROFILES)}")
    count = problem.covariance.shape[0] if problem.covariance.ndim == 2 else 0
    names = problem.names if problem.names is not None else positions(count)
    if problem.names is not None and problem.covariance.ndim == 2:
        check_names(names, count)
    check_covariance(problem.covariance, names, is_definite=problem.is_definite)
    check_vector(problem.upper, count, "the cap", names)
    if np.any(problem.upper <= 0.0) or np.any(problem.upper > 1.0):
        column = int(np.flatnonzero((problem.upper <= 0.0) | (problem.upper > 1.0))[0])
        _refuse(f"the cap of {names[column]} is {problem.upper[column]:g}; caps lie in (0, 1]")
    if not 0.0 < problem.budget <= 1.0:
        _refuse(f"the budget is {problem.budget:g}; it lies in (0, 1]")
    _check_terms(problem, count, names)
    if problem.risk_profile == "min_cvar":
        _check_returns(problem, count, names)


def _check_terms(problem: RiskProblem, count: int, names: tuple[str, ...]) -> None:
    """Validate the optional terms: mean, risk budgets, turnover and groups."""
    if problem.mean is not None:
        check_vector(problem.mean, count, "the mean", names)
    elif problem.risk_profile == "max_sharpe":
        _refuse("max_sharpe needs the annualised mean (N,)")
    if not np.isfinite(problem.risk_free_rate):
        _refuse(f"risk_free_rate is {problem.risk_free_rate}; it is a finite annual rate")
    if problem.risk_budgets is not None:
        check_vector(problem.risk_budgets, count, "the risk budget", names)
        if np.any(problem.risk_budgets <= 0.0) or abs(float(problem.risk_budgets.sum()) - 1.0) > 1e-9:
            _refuse(f"risk budgets are positive and sum to 1; these sum to {problem.risk_budgets.sum():.6g}")
    _check_turnover(problem, count)
    _check_groups(problem, count)


def _check_turnover(problem: RiskProblem, count: int) -> None:
    turnover = problem.turnover
    if turnover is None:
        return
    if not turnover.held.shape == turnover.owner.shape == turnover.share.shape:
        _refuse("turnover: held, owner and share differ in length")
    if np.any(turnover.share < 0.0):
        _refuse("turnover: a share is below 0")
    for name in ("penalty", "held_elsewhere", "annual_cost"):
        value = float(getattr(turnover, name))
        if value < 0.0 or not np.isfinite(value):
            _refuse(f"turnover: {name} is {value}; it is a finite number from 0")
    if not (np.all(np.isfinite(turnover.held)) and np.all(np.isfinite(turnover.share))):
        _refuse("turnover: a held weight or share is not finite")
    if turnover.owner.dtype.kind not in "iu":
        _refuse(f"turnover: owners are positions of assets, not {turnover.owner.dtype}")
    if turnover.owner.size and (turnover.owner.min() < 0 or turnover.owner.max() >= count):
        _refuse(f"turnover: an owner is not one of the {count} assets")


def _check_groups(problem: RiskProblem, count: int) -> None:
    groups = problem.groups
    if groups is None:
        return
    if problem.risk_profile not in CONVEX_PROFILES or problem.risk_profile == "risk_parity":
        _refuse(
            f"{problem.risk_profile} takes no group caps; min_variance, max_sharpe, max_diversification, min_cvar do"
        )
    if groups.matrix.shape != (groups.limits.size, count) or len(groups.names) != groups.limits.size:
        _refuse(f"group caps: matrix {groups.matrix.shape}, {groups.limits.size} limits, {len(groups.names)} names")
    if not (np.all(np.isfinite(groups.matrix)) and np.all(np.isfinite(groups.limits))):
        _refuse("group caps: a coefficient or limit is not finite")
