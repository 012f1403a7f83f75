"""Engines of the tournament: the past that they see and the decisions that they return.

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
    """Data known at the end of one train window; every field ends there.

    See docs/method/09-tournament.md#9.1.

    The arrays are read-only copies, so no later session can be reached through them. They begin at the first session of
    the tournament, because a regime is measured against its own past; `train` marks the sessions of the train window.

    Attributes
    ----------
    window : int
        Number of the window, from 0.
    session_dates : T dates
    symbols : N names
    benchmark_symbol : str
    past_returns : (T, N)
        Physical simple returns, fractions, NaN where an instrument has none.
    past_benchmark_returns : (T,)
        Returns of the benchmark, NaN where it has none.
    train : slice
        Of the T sessions.
    past_histories : name -> (T, ...)
        Further arrays over the same sessions (value traded, membership, price).
    past_frames : name -> frame
        Further frames, without the rows whose `session_date` is after the train window.
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
        """Physical returns of the train window, (train, N)."""
        return self.past_returns[self.train]

    @property
    def train_end(self) -> date:
        """Last session that the decision may use."""
        return self.session_dates[-1]


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """Portfolio that an engine holds over a test window.

    Attributes
    ----------
    symbols : M names
    net_weights : (M,)
        Signed fractions of wealth: gross weight times direction.
    cash : float
        1 - sum |net_weights|, at least 0.
    regime : str or None
        Regime that the decision is based on.
    n_candidates, n_selected, n_clusters : int or None
    message : str or None
    status : str
        `ok`, `unsupported`, `failed`, or the status of a solution that is not `ok` (`no_positive_excess_return`).
    sleeves, clusters, identities : tuple
        One for each symbol where the policy has them, else empty; used to check that the sleeves of a barbell are
        disjoint.

    Raises
    ------
    InputError
        When weights and cash do not add up to 1, when a weight is not finite, or when symbols are repeated or shapes
        differ.

    Examples
    --------
    >>> Decision(("NYSE:KO", "NYSE:PG"), np.array([0.6, -0.3]), cash=0.1).is_usable
    True
    >>> Decision(("NYSE:KO",), np.array([0.6]), cash=0.1)
    Traceback (most recent call last):
        ...
    analytics.errors.InputError: gross weights and cash add up to 0.700000000 with cash 0.100000000, not to 1
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
            repeated = sorted({symbol for symbol in self.symbols if self.symbols.count(symbol) > 1})
            raise InputError(f"{repeated[0]} is named twice in one decision; add its weights up first")
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
        """True where there is a portfolio to simulate."""
        return self.status not in {UNSUPPORTED, FAILED}

    @classmethod
    def refused(cls, status: str, message: str) -> Decision:
        """Return the empty decision of an engine that is `unsupported` or `failed`."""
        return cls((), np.empty(0), 0.0, message=message, status=status)


class Decide(Protocol):
    """Policy: a pure function of the past."""

    def __call__(self, past: PastView, /) -> Decision:
        """Decide the portfolio to hold after `past` ends."""
        ...


@dataclass(frozen=True, slots=True)
class Engine:
    """Name of an engine and its policy for each risk profile that it supports."""

    name: str
    decides: Mapping[str, Decide]

    @property
    def risk_profiles(self) -> tuple[str, ...]:
        """Risk profiles that the engine supports."""
        return tuple(self.decides)


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Instruments with their direction, +1 or -1, without weights."""

    symbols: tuple[str, ...]
    directions: IntVector


PoolOf = Callable[[PastView], Pool]


def decide_cell(engine: Engine, risk_profile: str, past: PastView) -> Decision:
    """Ask an engine for its decision on one risk profile, and record a refusal as a decision.

    See docs/method/09-tournament.md#9.3.

    Parameters
    ----------
    engine : Engine
    risk_profile : str
    past : PastView

    Returns
    -------
    Decision
        `unsupported` when the engine has no such risk profile, `failed` with the error's text when it raises an
        `AnalyticsError` or holds an unknown symbol. No other engine is asked in its stead. Other exceptions are bugs
        and propagate.

    Examples
    --------
    >>> past = PastView(
    ...     window=0,
    ...     session_dates=(date(2024, 1, 2), date(2024, 1, 3)),
    ...     symbols=("NYSE:KO", "NYSE:PG"),
    ...     benchmark_symbol="AMEX:SPY",
    ...     past_returns=np.array([[0.01, 0.00], [0.00, 0.02]]),
    ...     past_benchmark_returns=np.array([0.01, 0.01]),
    ...     train=slice(0, 2),
    ... )
    >>> decide_cell(market_engine(), "market", past).symbols
    ('AMEX:SPY',)
    >>> decide_cell(market_engine(), "hrp", past).message
    'market has no risk profile hrp'
    """
    decide = engine.decides.get(risk_profile)
    if decide is None:
        return Decision.refused(UNSUPPORTED, f"{engine.name} has no risk profile {risk_profile}")
    try:
        decision = decide(past)
        unknown = sorted(set(decision.symbols) - set(past.symbols) - {past.benchmark_symbol})
        if unknown:
            raise InputError(f"{engine.name} holds {unknown[0]}, which has no returns in the tournament")
    except UnsupportedProfileError as refusal:
        return Decision.refused(UNSUPPORTED, str(refusal))
    except AnalyticsError as failure:
        return Decision.refused(FAILED, str(failure))
    return decision


def tradable_pool(past: PastView, *, min_history_sessions: int = 60, max_stale_sessions: int = 2) -> Pool:
    """Hold long every instrument with enough history in the train window and a recent return.

    See docs/method/02-returns.md#2.4.

    Parameters
    ----------
    past : PastView
    min_history_sessions : int
        Returns needed within the train window.
    max_stale_sessions : int
        An instrument without a return in the last `max_stale_sessions` + 1 sessions is left out.

    Returns
    -------
    Pool

    Examples
    --------
    >>> past = PastView(
    ...     window=0,
    ...     session_dates=(date(2024, 1, 2), date(2024, 1, 3)),
    ...     symbols=("NYSE:KO", "NYSE:PG"),
    ...     benchmark_symbol="AMEX:SPY",
    ...     past_returns=np.array([[0.01, float("nan")], [0.00, 0.02]]),
    ...     past_benchmark_returns=np.array([0.01, 0.01]),
    ...     train=slice(0, 2),
    ... )
    >>> tradable_pool(past, min_history_sessions=2).symbols
    ('NYSE:KO',)
    """
    known = np.isfinite(past.train_returns)
    is_tradable = (known.sum(axis=0) >= min_history_sessions) & known[-(max_stale_sessions + 1) :].any(axis=0)
    symbols = tuple(symbol for symbol, keep in zip(past.symbols, is_tradable, strict=True) if keep)
    return Pool(symbols, np.ones(len(symbols), dtype=np.int64))


def equal_weight_engine(
    pool_of: PoolOf = tradable_pool, *, name: str = "equal_weight", risk_profile: str = "equal_weight"
) -> Engine:
    """Make the engine that holds every instrument of a pool at the same gross weight.

    See docs/method/09-tournament.md#9.7.

    Parameters
    ----------
    pool_of : PastView -> Pool
        The candidates give the raw pool of the alpha isolation, the selection gives its selected pool.
    name, risk_profile : str
        Of the engine and its only risk profile.

    Returns
    -------
    Engine

    Raises
    ------
    ShortHistoryError
        By the engine, when no instrument is tradable.

    Examples
    --------
    >>> equal_weight_engine(name="raw_pool").risk_profiles
    ('equal_weight',)
    """

    def decide(past: PastView) -> Decision:
        pool = pool_of(past)
        if not pool.symbols:
            raise ShortHistoryError(f"{name}: no instrument is tradable at {past.train_end}; nothing to weigh equally")
        weights = pool.directions / len(pool.symbols)
        return Decision(pool.symbols, weights, 0.0, n_candidates=len(past.symbols), n_selected=len(pool.symbols))

    return Engine(name, {risk_profile: decide})


def market_engine(*, name: str = "market", risk_profile: str = "market") -> Engine:
    """Make the engine that holds 100 % of the benchmark, which is not among the investable instruments.

    See docs/method/08-allocation.md#8.2.

    Parameters
    ----------
    name, risk_profile : str
        Of the engine and its only risk profile.

    Returns
    -------
    Engine

    Raises
    ------
    ShortHistoryError
        By the engine, when the benchmark has no return in the train window.

    Examples
    --------
    >>> market_engine().risk_profiles
    ('market',)
    """

    def decide(past: PastView) -> Decision:
        if not np.isfinite(past.past_benchmark_returns[past.train]).any():
            raise ShortHistoryError(f"{past.benchmark_symbol} has no return in the train window to {past.train_end}")
        return Decision((past.benchmark_symbol,), np.ones(1), 0.0, n_candidates=1, n_selected=1)

    return Engine(name, {risk_profile: decide})


def own_engine(decides: Mapping[str, Decide], *, name: str = "ours") -> Engine:
    """Make the engine of the production policies.

    See docs/method/08-allocation.md#8.1.

    Parameters
    ----------
    decides : risk profile -> policy
    name : str

    Returns
    -------
    Engine

    Examples
    --------
    >>> own_engine({"hrp": lambda past: Decision((), np.empty(0), cash=1.0)}).risk_profiles
    ('hrp',)
    """
    return Engine(name, dict(decides))
