"""Validate the input of the two-layer allocation; every message names the instrument."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from numbers import Real
from typing import NoReturn

import numpy as np
from numpy.typing import ArrayLike

from analytics._typing import IntVector
from analytics.allocation.barbell import AGGRESSOR_SHARE
from analytics.allocation.errors import AllocationInputError
from analytics.allocation.portfolio import AllocationProblem
from analytics.allocation.solvers.problem_checks import check_names, check_vector
from analytics.allocation.solvers.risk_problem import PROFILES
from analytics.arrays import as_numbers

#: Settings of a problem that are numbers.
SETTINGS = (
    "cap",
    "instrument_cap",
    "cash_weight",
    "periods_per_year",
    "fragility_penalty",
    "turnover_penalty",
    "trade_cost_annual",
    "held_elsewhere",
    "risk_free_rate",
)


def _refuse(message: str) -> NoReturn:
    raise AllocationInputError(message)


def with_arrays(problem: AllocationProblem) -> AllocationProblem:
    """Convert the fields of a problem to arrays and tuples, with masked entries as NaN.

    Parameters
    ----------
    problem : AllocationProblem
        With sequences or arrays of numbers.

    Returns
    -------
    AllocationProblem

    Raises
    ------
    AllocationInputError
        When a field holds no numbers; the message names it.
    """
    held = problem.held_weights
    return replace(
        problem,
        symbols=tuple(problem.symbols),
        identities=tuple(problem.identities),
        directions=_as_integers(problem.directions, "directions", problem.symbols),
        cluster_ids=_as_integers(problem.cluster_ids, "cluster_ids", problem.symbols),
        past_returns=np.ascontiguousarray(as_numbers(problem.past_returns, "past_returns", AllocationInputError)),
        held_weights=None if held is None else as_numbers(held, "held_weights", AllocationInputError),
    )


def _as_integers(values: ArrayLike, name: str, symbols: Sequence[str]) -> IntVector:
    numbers = as_numbers(values, name, AllocationInputError)
    broken = np.flatnonzero(~np.isfinite(numbers) | (numbers != np.round(numbers)))
    if broken.size:
        position = int(broken[0])
        label = symbols[position] if position < len(symbols) else position
        _refuse(f"{name} of {label} is {numbers.ravel()[position]:g}, not a whole number")
    return numbers.astype(np.int64)


def check_allocation(problem: AllocationProblem) -> None:
    """Validate an allocation problem.

    Parameters
    ----------
    problem : AllocationProblem
        With arrays, as `with_arrays` returns it.

    Raises
    ------
    AllocationInputError
        When a setting is out of range, or when shapes, names, directions, cluster ids or returns are invalid; the
        message names the instrument or setting and the rule.
    """
    if problem.risk_profile not in (*PROFILES, "barbell"):
        _refuse(f"unknown risk profile {problem.risk_profile!r}; known: {', '.join(PROFILES)}, barbell")
    if problem.regime not in AGGRESSOR_SHARE:
        _refuse(f"unknown regime {problem.regime!r}; known: {', '.join(AGGRESSOR_SHARE)}")
    count = len(problem.symbols)
    if count == 0:
        _refuse("there is no instrument to allocate to; the selection is empty")
    check_names(problem.symbols, count, "symbols")
    if len(problem.identities) != count:
        _refuse(f"{len(problem.identities)} identities for {count} symbols")
    _check_settings(problem)
    _check_arrays(problem, count)


def _check_settings(problem: AllocationProblem) -> None:
    for name in SETTINGS:
        value = getattr(problem, name)
        if value is None and name == "instrument_cap":
            continue
        if isinstance(value, bool) or not isinstance(value, Real):
            _refuse(f"{name} is {value!r}, not a number")
    if not 0.0 < problem.cap <= 1.0:
        _refuse(f"cap is {problem.cap:g}; it lies in (0, 1]")
    if problem.instrument_cap is not None and not 0.0 < problem.instrument_cap <= 1.0:
        _refuse(f"instrument_cap is {problem.instrument_cap:g}; it lies in (0, 1], or is None")
    if not 0.0 <= problem.cash_weight < 1.0:
        _refuse(f"cash_weight is {problem.cash_weight:g}; it lies in [0, 1)")
    if not (np.isfinite(problem.periods_per_year) and problem.periods_per_year > 0):
        _refuse(f"periods_per_year is {problem.periods_per_year}; 252 on the business grid, 365 on the 24/7 grid")
    if not 0.0 <= problem.fragility_penalty <= 1.0:
        _refuse(f"fragility_penalty is {problem.fragility_penalty:g}; it lies in [0, 1]")
    for name in ("turnover_penalty", "trade_cost_annual", "held_elsewhere"):
        value = float(getattr(problem, name))
        if not (np.isfinite(value) and value >= 0.0):
            _refuse(f"{name} is {value}; it is a finite number from 0")
    if not np.isfinite(problem.risk_free_rate):
        _refuse(f"risk_free_rate is {problem.risk_free_rate}; it is a finite annual rate")


def _check_arrays(problem: AllocationProblem, count: int) -> None:
    symbols = problem.symbols
    if problem.directions.shape != (count,) or not np.all(np.abs(problem.directions) == 1):
        wrong = np.flatnonzero(np.abs(problem.directions) != 1)
        detail = f" of {symbols[int(wrong[0])]} is {problem.directions[wrong[0]]}" if 0 < wrong.size <= count else ""
        _refuse(f"the direction{detail}; directions (N,) are +1 or -1, one per symbol")
    if problem.cluster_ids.shape != (count,):
        _refuse(f"cluster_ids has shape {problem.cluster_ids.shape}, expected ({count},)")
    if np.any(problem.cluster_ids < 1):
        position = int(np.flatnonzero(problem.cluster_ids < 1)[0])
        _refuse(
            f"{symbols[position]} has cluster {problem.cluster_ids[position]}: it was left out of the clustering; drop it"
        )
    returns = problem.past_returns
    if returns.ndim != 2 or returns.shape[1] != count or returns.shape[0] < 2:
        _refuse(f"past_returns has shape {returns.shape}, expected (T, {count}) with T >= 2")
    infinite = np.isinf(returns).any(axis=0)
    if infinite.any():
        _refuse(f"past_returns of {symbols[int(infinite.argmax())]} hold an infinite value")
    if problem.held_weights is not None:
        check_vector(problem.held_weights, count, "the held weight", symbols)
