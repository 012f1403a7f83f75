"""Simulate a portfolio after its decision: drift, trades and costs.

See docs/method/09-tournament.md#9.4.

One loop serves both simulators, so they differ in friction only. Wealth, holdings and the money account follow, at each
session with trade rate k and borrow rate b:

    before the session, when a trade is due:  W' solves W' = W - k sum_i |w_i W' - h_i|
                                              h'_i = w_i W', money' = W' - sum_i h'_i
    over the session:                         h_i = h'_i (1 + r_i), money = money' - b / periods * sum_i max(-h'_i, 0)
    return of the session:                    (sum_i h_i + money) / W - 1

The trade is paid from the wealth that remains after it, so the published weights hold exactly after the trade, and the
first return of a window includes the cost of entering it. The money account earns nothing. A short is a negative
holding: it earns the negative of the physical return, and its proceeds are in the money account. A NaN return earns 0.
An instrument that is not in the new decision is sold at its last price.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analytics._typing import FloatMatrix, FloatVector
from analytics.errors import InputError
from analytics.tournament.engines import Decision
from analytics.tournament.errors import RuinError

WINDOW, DAILY = "window", "daily"
IDEALIZED, REALIZED = "idealized", "realized"
TRADE_TOLERANCE = 1e-16
MAX_TRADE_ITERATIONS = 200
_SERIES = ("returns", "turnover", "costs", "borrow", "gross_returns", "gross_exposure", "net_exposure", "wealth")


@dataclass(frozen=True, slots=True)
class HeldState:
    """Signed notionals by symbol and the money account, carried from window to window.

    Examples
    --------
    >>> state = HeldState.from_weights({"NYSE:KO": 0.6, "NYSE:PG": -0.2})
    >>> round(state.money, 4), round(state.wealth, 4)
    (0.6, 1.0)
    """

    notionals: Mapping[str, float]
    money: float

    @property
    def wealth(self) -> float:
        """Money plus holdings."""
        return self.money + sum(self.notionals.values())

    @classmethod
    def from_weights(cls, held_weights: Mapping[str, float]) -> HeldState:
        """Wealth 1 in the given signed weights and the rest in money; an empty mapping is all money."""
        return cls(dict(held_weights), 1.0 - sum(held_weights.values()))


@dataclass(frozen=True, slots=True, eq=False)
class WindowPath:
    """Simulated series of one test window of T sessions in M symbols.

    Every number but the wealth is a fraction of the wealth before the session:
    `returns = gross_returns - costs - borrow`.

    Attributes
    ----------
    symbols : M names
        Those of the decision and of the holdings before it.
    returns, costs, borrow : (T,)
    turnover : (T,)
        Half the sum of |trade| over instruments.
    gross_returns : (T,)
        Earned by the holdings, before costs and borrow.
    gross_exposure, net_exposure : (T,)
        Sum of |holding| and of the signed holdings over the session, after the trade.
    wealth : (T,)
        After the session, in units of the wealth with which the portfolio began.
    trades : (T, M)
        Signed trade of each symbol before the session.
    state : HeldState
        After the last session.
    """

    symbols: tuple[str, ...]
    returns: FloatVector
    turnover: FloatVector
    costs: FloatVector
    borrow: FloatVector
    gross_returns: FloatVector
    gross_exposure: FloatVector
    net_exposure: FloatVector
    wealth: FloatVector
    trades: FloatMatrix
    state: HeldState


def idealized(
    state: HeldState, decision: Decision, next_symbols: Sequence[str], next_returns: FloatMatrix, *, rebalance: str
) -> WindowPath:
    """Simulate one test window without friction, with the same rebalancing as `realized`.

    See docs/method/09-tournament.md#9.4.

    Parameters, errors and result as for `simulate_window`.

    Examples
    --------
    >>> decision = Decision(("NYSE:KO",), np.array([0.5]), cash=0.5)
    >>> next_returns = np.array([[0.02], [0.01]])
    >>> path = idealized(HeldState.from_weights({}), decision, ["NYSE:KO"], next_returns, rebalance="window")
    >>> path.returns.round(6).tolist()
    [0.01, 0.00505]
    """
    return simulate_window(
        state,
        decision,
        next_symbols,
        next_returns,
        trade_rate=0.0,
        borrow_rate=0.0,
        rebalance=rebalance,
        periods_per_year=1,
    )


def realized(
    state: HeldState,
    decision: Decision,
    next_symbols: Sequence[str],
    next_returns: FloatMatrix,
    *,
    trade_rate: float,
    borrow_rate: float,
    rebalance: str,
    periods_per_year: int,
) -> WindowPath:
    """Simulate one test window with slippage, commission and borrow costs.

    See docs/method/09-tournament.md#9.4.

    Parameters, errors and result as for `simulate_window`.

    Examples
    --------
    >>> decision = Decision(("NYSE:KO",), np.array([0.5]), cash=0.5)
    >>> path = realized(
    ...     HeldState.from_weights({}), decision, ["NYSE:KO"], np.array([[0.02], [0.01]]),
    ...     trade_rate=0.0006, borrow_rate=0.02, rebalance="window", periods_per_year=252,
    ... )
    >>> path.returns.round(6).tolist(), path.costs.round(6).tolist()
    ([0.009697, 0.00505], [0.0003, 0.0])
    """
    return simulate_window(
        state,
        decision,
        next_symbols,
        next_returns,
        trade_rate=trade_rate,
        borrow_rate=borrow_rate,
        rebalance=rebalance,
        periods_per_year=periods_per_year,
    )


def simulate_window(
    state: HeldState,
    decision: Decision,
    next_symbols: Sequence[str],
    next_returns: FloatMatrix,
    *,
    trade_rate: float,
    borrow_rate: float,
    rebalance: str,
    periods_per_year: int,
) -> WindowPath:
    """Carry a portfolio through one test window.

    See docs/method/09-tournament.md#9.4; the formulas are at the top of this module.

    Parameters
    ----------
    state : HeldState
        Before the window.
    decision : Decision
    next_symbols : N names
        Columns of `next_returns`; they include every symbol of the holdings and of the decision.
    next_returns : (T, N)
        Physical simple returns of the test window, fractions; NaN earns 0.
    trade_rate : float
        Cost of a trade as a fraction of its notional, below one half.
    borrow_rate : float
        Cost of a short as a fraction of its notional a year, spread evenly over the sessions of a year.
    rebalance : str
        `window`: one trade, then drift; `daily`: a trade back to the decision before every session.
    periods_per_year : int
        Sessions of a year, over which the borrow cost is spread.

    Returns
    -------
    WindowPath

    Raises
    ------
    InputError
        When the rebalancing is unknown, when a symbol has no returns, when a return is below -1 or infinite, or when
        the decision is refused.
    RuinError
        When wealth falls below zero.

    Examples
    --------
    >>> decision = Decision(("NYSE:KO", "NYSE:PG"), np.array([0.5, -0.5]), cash=0.0)
    >>> path = simulate_window(
    ...     HeldState.from_weights({}), decision, ["NYSE:KO", "NYSE:PG"], np.array([[0.02, 0.01], [0.00, 0.00]]),
    ...     trade_rate=0.0, borrow_rate=0.0, rebalance="window", periods_per_year=252,
    ... )
    >>> path.returns.round(6).tolist(), path.turnover.tolist()
    ([0.005, 0.0], [0.5, 0.0])
    """
    if rebalance not in {WINDOW, DAILY}:
        raise InputError(f"rebalance {rebalance!r} is neither {WINDOW!r} nor {DAILY!r}")
    if not decision.is_usable:
        raise InputError(f"a decision that is {decision.status} cannot be simulated: {decision.message}")
    symbols = tuple(sorted(set(decision.symbols) | set(state.notionals)))
    returns = _pick(symbols, next_symbols, next_returns)
    targets = dict(zip(decision.symbols, decision.net_weights, strict=True))
    weights = np.array([targets.get(symbol, 0.0) for symbol in symbols])
    holdings = np.array([state.notionals.get(symbol, 0.0) for symbol in symbols])
    money, wealth = state.money, state.wealth
    n_sessions = returns.shape[0]
    series = np.zeros((len(_SERIES), n_sessions))
    trades = np.zeros((n_sessions, len(symbols)))
    borrow_per_session = borrow_rate / periods_per_year
    for session in range(n_sessions):
        cost = 0.0
        if session == 0 or rebalance == DAILY:
            after = _wealth_after_trade(wealth, holdings, weights, trade_rate)
            trades[session] = (weights * after - holdings) / wealth if wealth > 0.0 else 0.0
            cost, holdings = wealth - after, weights * after
            money = after - holdings.sum()
        borrow = -borrow_per_session * np.minimum(holdings, 0.0).sum()
        earned, gross, net = holdings @ returns[session], np.abs(holdings).sum(), holdings.sum()
        holdings = holdings * (1.0 + returns[session])
        money -= borrow
        next_wealth = float(holdings.sum() + money)
        if next_wealth < 0.0:
            raise RuinError(f"wealth fell to {next_wealth:.6f} at session {session} of the window; nothing is left")
        # After a total loss nothing is left to earn with: wealth stays 0, and so does the return.
        if wealth > 0.0:
            turnover = 0.5 * np.abs(trades[session]).sum()
            series[:4, session] = next_wealth / wealth - 1.0, turnover, cost / wealth, borrow / wealth
            series[4:, session] = earned / wealth, gross / wealth, net / wealth, next_wealth
        wealth = next_wealth
    held = {symbol: float(value) for symbol, value in zip(symbols, holdings, strict=True) if value != 0.0}
    named = dict(zip(_SERIES, series, strict=True))
    return WindowPath(symbols, **named, trades=trades, state=HeldState(held, float(money)))


def _pick(symbols: tuple[str, ...], next_symbols: Sequence[str], next_returns: FloatMatrix) -> FloatMatrix:
    columns = {symbol: column for column, symbol in enumerate(next_symbols)}
    missing = [symbol for symbol in symbols if symbol not in columns]
    if missing:
        raise InputError(f"{missing[0]} is held or in the decision but has no column in the returns of the test window")
    picked = next_returns[:, [columns[symbol] for symbol in symbols]]
    impossible = (picked < -1.0) | np.isinf(picked)
    if impossible.any():
        session, column = np.argwhere(impossible)[0]
        raise InputError(
            f"{symbols[column]} returns {picked[session, column]} at session {session} of the window; "
            "a physical return is finite and at least -1: quarantine the bar"
        )
    return np.where(np.isnan(picked), 0.0, picked)


def _wealth_after_trade(wealth: float, holdings: FloatVector, weights: FloatVector, rate: float) -> float:
    """Solve W' = W - k sum |w W' - h|, a contraction with factor k * gross, below one half."""
    after = wealth
    for _ in range(MAX_TRADE_ITERATIONS):
        before, after = after, float(wealth - rate * np.abs(weights * after - holdings).sum())
        if abs(after - before) <= TRADE_TOLERANCE * wealth:
            break
    return after
