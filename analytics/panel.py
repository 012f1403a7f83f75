"""The panel of past returns at the study's door: what may enter, and what is refused by name."""

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
    """Past returns that passed the door.

    Attributes
    ----------
    returns : (T, N)
        Simple returns as fractions; NaN is NULL, nothing is infinite.
    symbols
        One distinct name per column.
    is_complete
        No NaN anywhere, so matrix products need no masks.
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
    """Refuse a panel that cannot be right, and tell whether it has holes.

    Parameters
    ----------
    past_returns : (T, N)
        Simple returns as fractions, NaN for NULL.
    symbols
        Names for the messages; `column 0`, `column 1` ... where none are given.

    Raises
    ------
    InputError
        Not numbers, not two-dimensional, too few instruments, names missing or repeated, an infinite return.
    ShortHistoryError
        Fewer than `min_sessions` rows.
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
            broken = _listed([names[column] for column in infinite.tolist()])
            raise InputError(f"Infinite return of {broken}: a price was zero or a ratio overflowed; correct its bars.")
    return Panel(returns, names, is_complete)


def moves(lowest: FloatVector, highest: FloatVector) -> BoolVector:
    """Whether returns between these extremes (N,) differ by more than rounding; NaN does not move."""
    return np.asarray(highest - lowest > ROUNDING * (1.0 + np.maximum(np.abs(lowest), np.abs(highest))))


def unusable_columns(panel: Panel) -> dict[int, str]:
    """Columns without any return or without any variation beyond rounding: they have no correlation.

    See docs/method/03-dependence.md#3.1.

    Returns
    -------
    dict
        Column to reason, in column order.
    """
    reduce_low, reduce_high = (np.minimum, np.maximum) if panel.is_complete else (np.fmin, np.fmax)
    lowest, highest = reduce_low.reduce(panel.returns), reduce_high.reduce(panel.returns)
    empty = np.isnan(highest)
    return {
        int(column): "no returns" if empty[column] else "constant series"
        for column in np.flatnonzero(~moves(lowest, highest))
    }


def refuse_unusable(panel: Panel) -> None:
    """Raise InputError, naming them, where instruments have no return at all or never move."""
    unusable = unusable_columns(panel)
    if unusable:
        named = _listed([f"{panel.symbols[column]} ({reason})" for column, reason in unusable.items()])
        raise InputError(f"No correlation exists for {named}. Leave the instrument out or lengthen the window.")


def refuse_short(panel: Panel, min_observations: int) -> IntVector:
    """Count the returns of each instrument; raise ShortHistoryError where one has fewer than are needed."""
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
    """Signs of the held positions as floats; InputError names the instrument whose sign is not +1 or -1."""
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
        raise InputError(f"Each instrument may stand once; repeated: {_listed(repeated)}.")
    return names


def _listed(names: Sequence[str], limit: int = 5) -> str:
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
