"""Refusals at the door of the two-layer allocation; every message names the instrument."""

from __future__ import annotations

from typing import NoReturn

import numpy as np

from analytics.allocation.barbell import AGGRESSOR_SHARE
from analytics.allocation.checks import check_names, check_vector
from analytics.allocation.errors import AllocationInputError
from analytics.allocation.portfolio import AllocationProblem
from analytics.allocation.problem import PROFILES


def _refuse(message: str) -> NoReturn:
    raise AllocationInputError(message)


def check_allocation(problem: AllocationProblem) -> None:
    """Refuse a problem that cannot be right.

    Raises
    ------
    AllocationInputError
        Names the instrument or setting and the rule.
    """
    if problem.profile not in (*PROFILES, "barbell"):
        _refuse(f"unknown profile {problem.profile!r}; known: {', '.join(PROFILES)}, barbell")
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
    if not 0.0 < problem.cap <= 1.0:
        _refuse(f"cap is {problem.cap:g}; it lies in (0, 1]")
    if problem.instrument_cap is not None and not 0.0 < problem.instrument_cap <= 1.0:
        _refuse(f"instrument_cap is {problem.instrument_cap:g}; it lies in (0, 1], or is None")
    if not 0.0 <= problem.cash_weight < 1.0:
        _refuse(f"cash_weight is {problem.cash_weight:g}; it lies in [0, 1)")
    if not (np.isfinite(problem.periods_per_year) and problem.periods_per_year > 0):
        _refuse(f"periods_per_year is {problem.periods_per_year}; 252 on the business grid, 365 on the 24/7 grid")
    for name in ("fragility_penalty", "turnover_penalty", "held_elsewhere"):
        value = float(getattr(problem, name))
        if not (np.isfinite(value) and value >= 0.0):
            _refuse(f"{name} is {value}; it is a finite number from 0")
    if not np.isfinite(problem.risk_free_rate):
        _refuse(f"risk_free_rate is {problem.risk_free_rate}; it is a finite annual rate")


def _check_arrays(problem: AllocationProblem, count: int) -> None:
    symbols = problem.symbols
    if problem.directions.shape != (count,) or not np.all(np.abs(problem.directions) == 1):
        wrong = np.flatnonzero(np.abs(problem.directions) != 1)
        which = f" of {symbols[int(wrong[0])]} is {problem.directions[wrong[0]]}" if 0 < wrong.size <= count else ""
        _refuse(f"the direction{which}; directions (N,) are +1 or -1, one per symbol")
    if problem.cluster_ids.shape != (count,):
        _refuse(f"cluster_ids has shape {problem.cluster_ids.shape}, expected ({count},)")
    if np.any(problem.cluster_ids < 1):
        place = int(np.flatnonzero(problem.cluster_ids < 1)[0])
        _refuse(
            f"{symbols[place]} has cluster {problem.cluster_ids[place]}: it was left out of the clustering; drop it"
        )
    returns = problem.past_returns
    if returns.ndim != 2 or returns.shape[1] != count or returns.shape[0] < 2:
        _refuse(f"past_returns has shape {returns.shape}, expected (T, {count}) with T >= 2")
    infinite = np.isinf(returns).any(axis=0)
    if infinite.any():
        _refuse(f"past_returns of {symbols[int(infinite.argmax())]} hold an infinite value")
    if problem.held_weights is not None:
        check_vector(problem.held_weights, count, "the held weight", symbols)
