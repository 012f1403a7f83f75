"""Split the sessions of a tournament: the past of a window for decisions, its future for simulators.

See docs/method/09-tournament.md#9.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics._typing import FloatMatrix, FloatVector
from analytics.errors import InputError
from analytics.tournament.engines import PastView
from analytics.tournament.windows import Window


@dataclass(frozen=True, slots=True, eq=False)
class SessionAxis:
    """All data over the T sessions of a tournament.

    A window gets its past from `look_back` and its future from `look_ahead`; no other object holds both.

    Attributes
    ----------
    session_dates : T dates, ascending
    symbols : N names
    returns : (T, N)
        Physical simple returns, NaN where there is none; finite and at least -1 otherwise.
    benchmark_symbol : str
        Not among the symbols.
    benchmark_returns : (T,)
    histories : name -> (T, ...)
    frames : name -> frame with `session_date`

    Raises
    ------
    InputError
        When shapes, dates, symbols or returns are invalid; the message names symbol and session.

    Examples
    --------
    >>> dates = (date(2024, 1, 2), date(2024, 1, 3), date(2024, 1, 4))
    >>> returns = np.array([[0.01], [0.02], [0.03]])
    >>> axis = SessionAxis(dates, ("NYSE:KO",), returns, "AMEX:SPY", np.zeros(3), {}, {})
    >>> window = Window(index=0, train=slice(0, 2), test=slice(2, 3))
    >>> axis.look_back(window).past_returns.tolist()
    [[0.01], [0.02]]
    >>> axis.look_ahead(window)[1].tolist()
    [[0.03, 0.0]]
    """

    session_dates: tuple[date, ...]
    symbols: tuple[str, ...]
    returns: FloatMatrix
    benchmark_symbol: str
    benchmark_returns: FloatVector
    histories: Mapping[str, NDArray[Any]]
    frames: Mapping[str, pl.DataFrame]

    def __post_init__(self) -> None:
        n_sessions, n_symbols = len(self.session_dates), len(self.symbols)
        for earlier, later in pairwise(self.session_dates):
            if not earlier < later:
                raise InputError(f"session {later} follows {earlier}; sessions must ascend")
        if len(set(self.symbols)) != n_symbols:
            raise InputError("a symbol has two columns; merge them before the tournament")
        if self.benchmark_symbol in self.symbols:
            raise InputError(f"{self.benchmark_symbol} is the benchmark and cannot be investable; drop its column")
        if self.returns.shape != (n_sessions, n_symbols) or self.benchmark_returns.shape != (n_sessions,):
            raise InputError(
                f"{n_sessions} sessions and {n_symbols} symbols beside returns of shape {self.returns.shape} "
                f"and a benchmark of shape {self.benchmark_returns.shape}"
            )
        self._check_returns(self.returns, self.symbols)
        self._check_returns(self.benchmark_returns[:, None], (self.benchmark_symbol,))
        for name, values in self.histories.items():
            if values.shape[:1] != (n_sessions,):
                raise InputError(f"history {name} has shape {values.shape}, but there are {n_sessions} sessions")
        for name, frame in self.frames.items():
            if frame.schema.get("session_date") != pl.Date():
                raise InputError(f"frame {name} has no column session_date of type Date, so it cannot be cut in time")

    def _check_returns(self, returns: FloatMatrix, symbols: tuple[str, ...]) -> None:
        impossible = (returns < -1.0) | np.isinf(returns)
        if impossible.any():
            session, column = np.argwhere(impossible)[0]
            raise InputError(
                f"{symbols[column]} returns {returns[session, column]} on {self.session_dates[session]}; "
                "a physical return is finite and at least -1: quarantine the bar"
            )

    def look_back(self, window: Window) -> PastView:
        """Copy the data known at the end of a train window."""
        stop, last = window.train.stop, self.session_dates[window.train.stop - 1]
        return PastView(
            window=window.index,
            session_dates=self.session_dates[:stop],
            symbols=self.symbols,
            benchmark_symbol=self.benchmark_symbol,
            past_returns=_frozen_copy(self.returns[:stop]),
            past_benchmark_returns=_frozen_copy(self.benchmark_returns[:stop]),
            train=window.train,
            past_histories=MappingProxyType({name: _frozen_copy(v[:stop]) for name, v in self.histories.items()}),
            past_frames=MappingProxyType(
                {name: frame.filter(pl.col("session_date") <= last) for name, frame in self.frames.items()}
            ),
        )

    def look_ahead(self, window: Window) -> tuple[tuple[str, ...], FloatMatrix]:
        """Return the symbols and returns of a test window, with the benchmark last."""
        returns = np.column_stack([self.returns[window.test], self.benchmark_returns[window.test]])
        return (*self.symbols, self.benchmark_symbol), returns


def _frozen_copy(values: NDArray[Any]) -> NDArray[Any]:
    copy = np.array(values)
    copy.setflags(write=False)
    return copy
