"""Who decides: engines, what they may see, and what they answer.

See docs/method/09-tournament.md#9.3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics._typing import FloatMatrix, FloatVector, IntVector
from analytics.errors import AnalyticsError, InputError, ShortHistoryError
from analytics.tournament.errors import UnsupportedProfileError

OK, UNSUPPORTED, FAILED = "ok", "unsupported", "failed"
BUDGET_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class PastView:
    """Everything known at the end of one train window; every member ends there.

    See docs/method/09-tournament.md#9.1.

    The arrays are read-only copies, so no later session can be reached through them. They begin at the first session
    of the study, since a regime is read against its own past; `train` marks the sessions of the train window.

    Attributes
    ----------
    past_returns : (T, N)
        Physical simple returns, NaN where an instrument has none.
    past_benchmark_returns : (T,)
        The benchmark's, NaN where it has none.
    past_histories : name -> (T, ...)
        Further arrays over the same sessions (value traded, membership, price).
    past_frames : name -> frame
        Further frames, rows with `session_date` after the train window removed.
    """

    window: int
    session_dates: tuple[date, ...]
    symbols: tuple[str, ...]
    benchmark_symbol: str
    past_returns: FloatMatrix
    past_benchmark_returns: FloatVector
    train: slice
    past_histories: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    past_frames: Mapping[str, pl.DataFrame] = field(default_factory=dict)

    @property
    def train_returns(self) -> FloatMatrix:
        """(train, N) physical returns of the train window."""
        return self.past_returns[self.train]

    @property
    def train_end(self) -> date:
        """The last session that the decision may see."""
        return self.session_dates[-1]


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """What one engine wants to hold over a test window.

    Attributes
    ----------
    net_weights : (M,)
        Signed fractions of wealth, one for each symbol: gross weight times direction.
    cash : float
        1 - sum |net_weights|, at least 0.
    status : str
        `ok`, `unsupported`, `failed`, or a solution shown as something else (`no_positive_excess_return`).
    sleeves, clusters, identities
        One for each symbol where the policy has them, else empty; the insulation of a barbell is read from them.
    """

    symbols: tuple[str, ...]
    net_weights: FloatVector
    cash: float
    regime: str | None = None
    n_candidates: int | None = None
    n_selected: int | None = None
    n_clusters: int | None = None
    message: str | None = None
    status: str = OK
    sleeves: tuple[str, ...] = ()
    clusters: tuple[int, ...] = ()
    identities: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        weights = np.array(self.net_weights, dtype=np.float64)
        weights.setflags(write=False)
        object.__setattr__(self, "net_weights", weights)
        if not self.is_usable:
            return
        n_symbols = len(self.symbols)
        if weights.shape != (n_symbols,):
            raise InputError(f"{n_symbols} symbols but net weights of shape {weights.shape}; give one for each symbol")
        if len(set(self.symbols)) != n_symbols:
            twice = sorted({symbol for symbol in self.symbols if self.symbols.count(symbol) > 1})
            raise InputError(f"{twice[0]} is named twice in one decision; add its weights up first")
        if not np.isfinite(weights).all():
            raise InputError(f"{self.symbols[int(np.argmin(np.isfinite(weights)))]} has no finite weight")
        total = float(np.abs(weights).sum()) + self.cash
        if not abs(total - 1.0) <= BUDGET_TOLERANCE or self.cash < -BUDGET_TOLERANCE:
            raise InputError(f"gross weights and cash add up to {total:.9f} with cash {self.cash:.9f}, not to 1")
        for name in ("sleeves", "clusters", "identities"):
            if len(getattr(self, name)) not in {0, n_symbols}:
                raise InputError(f"{name} has {len(getattr(self, name))} entries for {n_symbols} symbols")

    @property
    def is_usable(self) -> bool:
        """Whether there is a portfolio to simulate."""
        return self.status not in {UNSUPPORTED, FAILED}

    @classmethod
    def refused(cls, status: str, message: str) -> Decision:
        """The empty answer of an engine that is `unsupported` or `failed`."""
        return cls((), np.empty(0), 0.0, message=message, status=status)


class Decide(Protocol):
    """A policy: a pure function of the past."""

    def __call__(self, past: PastView, /) -> Decision:
        """Decide what to hold after `past` ends."""
        ...


@dataclass(frozen=True, slots=True)
class Engine:
    """A name and the policy it has for each risk profile it can do."""

    name: str
    decides: Mapping[str, Decide]

    @property
    def risk_profiles(self) -> tuple[str, ...]:
        """The risk profiles this engine can do."""
        return tuple(self.decides)


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Instruments with their direction, +1 or -1, before any weight."""

    symbols: tuple[str, ...]
    directions: IntVector


PoolOf = Callable[[PastView], Pool]


def decide_cell(engine: Engine, risk_profile: str, past: PastView) -> Decision:
    """One engine's answer for one risk profile; its refusal is an answer too, never another engine's.

    See docs/method/09-tournament.md#9.3.

    Returns
    -------
    Decision
        `unsupported` when the engine has no such risk profile, `failed` with the error's text when it raises an
        `AnalyticsError` or names a symbol that the past does not know. Other exceptions are bugs and pass through.
    """
    decide = engine.decides.get(risk_profile)
    if decide is None:
        return Decision.refused(UNSUPPORTED, f"{engine.name} has no risk profile {risk_profile}")
    try:
        decision = decide(past)
        unknown = sorted(set(decision.symbols) - set(past.symbols) - {past.benchmark_symbol})
        if unknown:
            raise InputError(f"{engine.name} wants to hold {unknown[0]}, which has no returns in the study")
    except UnsupportedProfileError as refusal:
        return Decision.refused(UNSUPPORTED, str(refusal))
    except AnalyticsError as failure:
        return Decision.refused(FAILED, str(failure))
    return decision


def tradable_pool(past: PastView, *, min_history_sessions: int = 60, max_stale_sessions: int = 2) -> Pool:
    """Every instrument with enough history in the train window that has not gone quiet, held long.

    See docs/method/02-returns.md#2.4.

    Parameters
    ----------
    min_history_sessions : int
        Returns needed within the train window.
    max_stale_sessions : int
        An instrument without a return in this many last sessions plus one has left.
    """
    known = np.isfinite(past.train_returns)
    is_tradable = (known.sum(axis=0) >= min_history_sessions) & known[-(max_stale_sessions + 1) :].any(axis=0)
    symbols = tuple(symbol for symbol, keep in zip(past.symbols, is_tradable, strict=True) if keep)
    return Pool(symbols, np.ones(len(symbols), dtype=np.int64))


def equal_weight_engine(
    pool_of: PoolOf = tradable_pool, *, name: str = "equal_weight", risk_profile: str = "equal_weight"
) -> Engine:
    """The engine that holds the same gross weight of everything in a pool.

    With the candidates as pool it is the raw pool of docs/method/09-tournament.md#9.7, with the selection as pool
    the selected one.
    """

    def decide(past: PastView) -> Decision:
        pool = pool_of(past)
        if not pool.symbols:
            raise ShortHistoryError(f"{name}: no instrument is tradable at {past.train_end}; nothing to weigh equally")
        weights = pool.directions / len(pool.symbols)
        return Decision(pool.symbols, weights, 0.0, n_candidates=len(past.symbols), n_selected=len(pool.symbols))

    return Engine(name, {risk_profile: decide})


def market_engine(*, name: str = "market", risk_profile: str = "market") -> Engine:
    """The engine that holds 100 % of the benchmark, which stands outside the investable set.

    See docs/method/08-allocation.md#8.2.
    """

    def decide(past: PastView) -> Decision:
        if not np.isfinite(past.past_benchmark_returns[past.train]).any():
            raise ShortHistoryError(f"{past.benchmark_symbol} has no return in the train window to {past.train_end}")
        return Decision((past.benchmark_symbol,), np.ones(1), 0.0, n_candidates=1, n_selected=1)

    return Engine(name, {risk_profile: decide})


def own_engine(decides: Mapping[str, Decide], *, name: str = "ours") -> Engine:
    """The built-in engine: the policies that production runs, one for each risk profile.

    See docs/method/08-allocation.md#8.1.
    """
    return Engine(name, dict(decides))
