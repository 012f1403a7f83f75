"""Validate the panel of past returns that estimation, clustering and selection work on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from analytics._typing import BoolVector, FloatMatrix, FloatVector, IntVector
from analytics.arrays import as_numbers
from analytics.errors import InputError, ShortHistoryError

#: A return is a ratio of two prices minus 1, so its rounding is a few times that of 1, however small the return is.
ROUNDING = 8.0 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True)
class Panel:
    """Validated past returns of N instruments over T sessions.

    Attributes
    ----------
    returns : (T, N)
        Simple returns as fractions; NaN marks a missing return, and no value is infinite.
    symbols : tuple of str
        One distinct name for each column.
    is_complete : bool
        No NaN anywhere, so matrix products need no masks.

    Examples
    --------
    >>> panel = check_panel([[0.01, 0.02], [0.00, float("nan")]], ["NASDAQ:AAPL", "NYSE:KO"])
    >>> panel.symbols, panel.is_complete
    (('NASDAQ:AAPL', 'NYSE:KO'), False)
    """

    returns: FloatMatrix
    symbols: tuple[str, ...]
    is_complete: bool


def check_panel(
    past_returns: ArrayLike,
    symbols: Sequence[str] | None = None,
    *,
    min_sessions: int = 2,
    min_instruments: int = 1,
) -> Panel:
    """Validate past returns and return them as a panel.

    Parameters
    ----------
    past_returns : (T, N)
        Simple returns as fractions, NaN where there is none.
    symbols : N names, optional
        Used in messages; `column 0`, `column 1`, ... when not given.
    min_sessions : int
        Least number T of sessions.
    min_instruments : int
        Least number N of instruments.

    Returns
    -------
    Panel

    Raises
    ------
    InputError
        When the returns are not numbers or not a matrix, when there are too few instruments, when names are missing or
        repeated, or when a return is infinite.
    ShortHistoryError
        When there are fewer than `min_sessions` rows.

    Examples
    --------
    >>> check_panel([[0.01, 0.02], [0.00, -0.01]]).symbols
    ('column 0', 'column 1')
    >>> check_panel([[0.01, float("inf")], [0.00, -0.01]], ["NASDAQ:AAPL", "NYSE:KO"])
    Traceback (most recent call last):
        ...
    analytics.errors.InputError: Infinite return of NYSE:KO: a price was zero or a ratio overflowed; correct its ...
    """
    returns = as_numbers(past_returns, "past returns")
    if returns.ndim != 2:
        raise InputError(f"Past returns must be a matrix of sessions by instruments, not {returns.ndim}-dimensional.")
    n_sessions, n_instruments = returns.shape
    names = _check_symbols(symbols, n_instruments)
    if n_instruments < min_instruments:
        given = f"only {names[0]}" if names else "none"
        raise InputError(f"At least {min_instruments} instruments are needed; given: {given}. Widen the universe.")
    if n_sessions < min_sessions:
        raise ShortHistoryError(
            f"{n_sessions} sessions given, at least {min_sessions} needed, for {_listed(names)}. Lengthen the window."
        )
    finite = np.isfinite(returns)
    is_complete = bool(finite.all())
    if not is_complete:
        infinite = np.flatnonzero(np.isinf(returns).any(axis=0))
        if infinite.size:
            names_of_infinite = _listed([names[column] for column in infinite.tolist()])
            raise InputError(
                f"Infinite return of {names_of_infinite}: a price was zero or a ratio overflowed; correct its bars."
            )
    return Panel(returns, names, is_complete)


def moves(lowest: FloatVector, highest: FloatVector) -> BoolVector:
    """Mark the columns whose extremes differ by more than rounding.

    Parameters
    ----------
    lowest, highest : (N,)
        Smallest and largest return of each instrument; NaN where it has none.

    Returns
    -------
    (N,)
        True where the returns vary; False for NaN.

    Examples
    --------
    >>> moves(np.array([-0.01, 0.002]), np.array([0.03, 0.002]))
    array([ True, False])
    """
    return np.asarray(highest - lowest > ROUNDING * (1.0 + np.maximum(np.abs(lowest), np.abs(highest))))


def unusable_columns(panel: Panel) -> dict[int, str]:
    """Find the columns without any return or without variation beyond rounding, which have no correlation.

    See docs/method/03-dependence.md#3.1.

    Parameters
    ----------
    panel : Panel

    Returns
    -------
    dict
        Column number to reason (`no returns` or `constant series`), in column order.

    Examples
    --------
    >>> unusable_columns(check_panel([[0.01, 0.0, float("nan")], [0.02, 0.0, float("nan")]]))
    {1: 'constant series', 2: 'no returns'}
    """
    reduce_low, reduce_high = (np.minimum, np.maximum) if panel.is_complete else (np.fmin, np.fmax)
    lowest, highest = reduce_low.reduce(panel.returns), reduce_high.reduce(panel.returns)
    empty = np.isnan(highest)
    return {
        int(column): "no returns" if empty[column] else "constant series"
        for column in np.flatnonzero(~moves(lowest, highest))
    }


def refuse_unusable(panel: Panel) -> None:
    """Raise where an instrument has no return at all or a constant series.

    Parameters
    ----------
    panel : Panel

    Raises
    ------
    InputError
        When there is such an instrument; the message names each with its reason.

    Examples
    --------
    >>> refuse_unusable(check_panel([[0.01, 0.0], [0.02, 0.0]], ["NASDAQ:AAPL", "NYSE:KO"]))
    Traceback (most recent call last):
        ...
    analytics.errors.InputError: No correlation exists for NYSE:KO (constant series). Leave the instrument out or ...
    """
    unusable = unusable_columns(panel)
    if unusable:
        named = _listed([f"{panel.symbols[column]} ({reason})" for column, reason in unusable.items()])
        raise InputError(f"No correlation exists for {named}. Leave the instrument out or lengthen the window.")


def refuse_short(panel: Panel, min_observations: int) -> IntVector:
    """Count the returns of each instrument and raise where one has too few.

    Parameters
    ----------
    panel : Panel
    min_observations : int
        Least number of returns of every instrument.

    Returns
    -------
    (N,)
        Number of returns that are not NaN.

    Raises
    ------
    ShortHistoryError
        When an instrument has fewer than `min_observations` returns; the message names each with its count.

    Examples
    --------
    >>> refuse_short(check_panel([[0.01, 0.02], [0.00, float("nan")]]), min_observations=1)
    array([2, 1])
    """
    n_sessions, n_instruments = panel.returns.shape
    if panel.is_complete:
        counts = np.full(n_instruments, n_sessions, dtype=np.int64)
    else:
        counts = np.isfinite(panel.returns).sum(axis=0).astype(np.int64)
    short = np.flatnonzero(counts < min_observations)
    if short.size:
        named = _listed([f"{panel.symbols[column]} ({counts[column]})" for column in short.tolist()])
        raise ShortHistoryError(f"At least {min_observations} returns are needed; too few for {named}.")
    return counts


def check_directions(directions: ArrayLike, symbols: Sequence[str]) -> FloatVector:
    """Validate the directions of held positions.

    Parameters
    ----------
    directions : (N,)
        +1 for long, -1 for short.
    symbols : N names

    Returns
    -------
    (N,)
        The directions as floats.

    Raises
    ------
    InputError
        When a direction is missing or neither +1 nor -1; the message names the instrument.

    Examples
    --------
    >>> check_directions([1, -1], ["NASDAQ:AAPL", "NYSE:KO"])
    array([ 1., -1.])
    """
    signs = as_numbers(directions, "directions")
    if signs.shape != (len(symbols),):
        raise InputError(f"{len(symbols)} instruments need {len(symbols)} directions, not shape {signs.shape}.")
    wrong = np.flatnonzero(np.abs(signs) != 1.0)
    if wrong.size:
        named = _listed([f"{symbols[column]} ({signs[column]:g})" for column in wrong.tolist()])
        raise InputError(f"A direction is +1 or -1; wrong for {named}.")
    return signs


@lru_cache(maxsize=8)
def _numbered(n_instruments: int) -> tuple[str, ...]:
    return tuple(f"column {column}" for column in range(n_instruments))


def _check_symbols(symbols: Sequence[str] | None, n_instruments: int) -> tuple[str, ...]:
    if symbols is None:
        return _numbered(n_instruments)
    names = tuple(symbols)
    if len(names) != n_instruments:
        raise InputError(f"{len(names)} symbols given for {n_instruments} columns of returns.")
    if len(set(names)) != n_instruments:
        repeated = sorted(name for name, count in Counter(names).items() if count > 1)
        raise InputError(f"Each instrument may have one column; repeated: {_listed(repeated)}.")
    return names


def _listed(names: Sequence[str], limit: int = 5) -> str:
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
