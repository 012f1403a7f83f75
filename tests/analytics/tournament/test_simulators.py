from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.errors import InputError
from analytics.settings import Flags, TournamentSettings
from analytics.tournament.engines import Decision
from analytics.tournament.errors import RuinError
from analytics.tournament.simulators import (
    HeldState,
    WindowPath,
    idealized,
    realized,
    simulate_window,
)

RATE = 6e-4
CASH = HeldState.from_weights({})


def hold(**weights: float) -> Decision:
    values = np.array(list(weights.values()))
    return Decision(tuple(weights), values, 1.0 - float(np.abs(values).sum()))


def run_realized(
    state: HeldState,
    decision: Decision,
    symbols: tuple[str, ...],
    returns: list[list[float]] | np.ndarray,
    *,
    rebalance: str = "window",
    costs: TournamentSettings | None = None,
    flags: Flags | None = None,
) -> WindowPath:
    return realized(
        state,
        decision,
        symbols,
        np.asarray(returns, dtype=float),
        trade_rate=(costs or TournamentSettings()).trade_rate,
        borrow_rate=(costs or TournamentSettings()).borrow_rate(flags or Flags()),
        rebalance=rebalance,
        periods_per_year=252,
    )


def test_one_short_earns_the_negative_of_the_physical_return() -> None:
    path = idealized(CASH, hold(A=-1.0), ("A",), np.array([[0.10], [-0.05]]), rebalance="window")
    # 100 short at 100; the price goes to 110 and then to 104.5.
    assert path.returns == pytest.approx([-0.10, 0.055 / 0.90], abs=1e-15)
    assert path.state.wealth == pytest.approx(2.0 - 1.045, abs=1e-15)
    assert path.borrow.tolist() == [0.0, 0.0]


def test_one_short_is_reset_every_day_when_asked() -> None:
    path = idealized(CASH, hold(A=-1.0), ("A",), np.array([[0.10], [-0.05]]), rebalance="daily")
    assert path.returns == pytest.approx([-0.10, 0.05], abs=1e-15)


def test_one_short_pays_trade_and_borrow_in_the_realized_simulator() -> None:
    path = run_realized(CASH, hold(A=-1.0), ("A",), [[0.10]])
    entered = 1.0 / (1.0 + RATE)
    borrow = 0.02 / 252 * entered
    assert path.costs[0] == pytest.approx(1.0 - entered, abs=1e-15)
    assert path.borrow[0] == pytest.approx(borrow, abs=1e-15)
    assert path.returns[0] == pytest.approx(entered * 0.9 - borrow - 1.0, abs=1e-15)


def test_short_costs_can_be_turned_off_and_trading_costs_stay() -> None:
    path = run_realized(CASH, hold(A=-1.0), ("A",), [[0.10]], flags=Flags(feat_short_costs=False))
    assert path.borrow[0] == 0.0
    assert path.costs[0] == pytest.approx(1.0 - 1.0 / (1.0 + RATE), abs=1e-15)


def test_a_long_portfolio_pays_no_borrow() -> None:
    assert run_realized(CASH, hold(A=0.5, B=0.5), ("A", "B"), [[0.1, -0.1]]).borrow.tolist() == [0.0]


def test_entering_costs_the_rate_once_and_leaves_the_weights_exact() -> None:
    path = run_realized(CASH, hold(A=0.6, B=0.4), ("A", "B"), [[0.0, 0.0], [0.0, 0.0]])
    assert path.returns == pytest.approx([1.0 / (1.0 + RATE) - 1.0, 0.0], abs=1e-15)
    assert path.turnover == pytest.approx([0.5 / (1.0 + RATE), 0.0], abs=1e-15)
    wealth = path.state.wealth
    assert path.state.notionals["A"] / wealth == pytest.approx(0.6, abs=1e-15)
    assert path.state.money == pytest.approx(0.0, abs=1e-15)


def test_holdings_drift_inside_the_window() -> None:
    returns = np.array([[0.10, 0.0], [0.10, 0.0]])
    drift = idealized(CASH, hold(A=0.5, B=0.5), ("A", "B"), returns, rebalance="window")
    reset = idealized(CASH, hold(A=0.5, B=0.5), ("A", "B"), returns, rebalance="daily")
    assert drift.returns == pytest.approx([0.05, 0.055 / 1.05], abs=1e-15)
    assert reset.returns == pytest.approx([0.05, 0.05], abs=1e-15)
    assert drift.turnover.tolist() == [0.5, 0.0]
    assert reset.turnover[1] == pytest.approx(0.5 * (0.55 - 0.525 + 0.525 - 0.5) / 1.05, abs=1e-15)


def test_state_is_carried_so_that_an_unchanged_portfolio_trades_nothing() -> None:
    first = run_realized(CASH, hold(A=1.0), ("A",), [[0.10], [0.05]])
    second = run_realized(first.state, hold(A=1.0), ("A",), [[-0.10]])
    assert second.costs.tolist() == [0.0]
    assert second.turnover.tolist() == [0.0]
    assert second.returns == pytest.approx([-0.10], abs=1e-15)


def test_a_first_window_that_starts_from_the_held_portfolio_pays_only_the_difference() -> None:
    held = HeldState.from_weights({"A": 0.5, "B": 0.5})
    path = run_realized(held, hold(A=0.5, B=0.5), ("A", "B"), [[0.0, 0.0]])
    assert path.costs.tolist() == [0.0]
    switched = run_realized(held, hold(A=1.0), ("A", "B"), [[0.0, 0.0]])
    # Sell B for 0.5, buy A for W' - 0.5: W' = 1 - k (0.5 + W' - 0.5).
    assert switched.costs[0] == pytest.approx(1.0 - 1.0 / (1.0 + RATE), abs=1e-15)


def test_a_symbol_that_is_not_in_the_new_decision_is_sold() -> None:
    first = run_realized(CASH, hold(A=1.0), ("A", "B"), [[0.0, 0.0]])
    second = run_realized(first.state, hold(B=1.0), ("B", "A"), [[0.02, 0.9]])
    assert "A" not in second.state.notionals
    # Full switch: sell W, buy W'; W' = W - k (W + W').
    after = (1.0 - RATE) / (1.0 + RATE)
    assert second.returns[0] == pytest.approx(after * 1.02 - 1.0, abs=1e-15)
    assert second.turnover[0] == pytest.approx(0.5 * (1.0 + after), abs=1e-15)


def test_a_missing_return_earns_nothing() -> None:
    path = idealized(CASH, hold(A=0.5, B=0.5), ("A", "B"), np.array([[np.nan, 0.10]]), rebalance="window")
    assert path.returns == pytest.approx([0.05], abs=1e-15)


def test_cash_earns_nothing_and_dampens() -> None:
    path = idealized(CASH, hold(A=0.25), ("A",), np.array([[0.10]]), rebalance="window")
    assert path.returns == pytest.approx([0.025], abs=1e-15)
    assert path.state.money == pytest.approx(0.75, abs=1e-15)


def test_columns_are_found_by_symbol_and_not_by_position() -> None:
    returns = np.array([[0.01, 0.02, 0.03]])
    path = idealized(CASH, hold(C=0.5, A=-0.5), ("B", "C", "A"), returns, rebalance="window")
    assert path.returns == pytest.approx([0.5 * 0.02 - 0.5 * 0.03], abs=1e-15)


def test_costs_come_once_for_each_trade_and_not_every_day() -> None:
    returns = np.zeros((20, 1))
    path = run_realized(CASH, hold(A=1.0), ("A",), returns)
    assert np.count_nonzero(path.costs) == 1


def test_a_total_loss_ends_at_zero_and_a_debt_is_ruin() -> None:
    lost = idealized(CASH, hold(A=1.0), ("A",), np.array([[-1.0], [0.5]]), rebalance="daily")
    assert lost.returns.tolist() == [-1.0, 0.0]
    with pytest.raises(RuinError, match=r"-0\.500000 at session 1"):
        idealized(CASH, hold(A=-1.0), ("A",), np.array([[0.0], [1.5]]), rebalance="window")


@pytest.mark.parametrize("bad", [-1.5, np.inf])
def test_an_impossible_return_is_refused_with_symbol_and_session(bad: float) -> None:
    with pytest.raises(InputError, match=r"B returns .* at session 1"):
        idealized(CASH, hold(A=0.5, B=0.5), ("A", "B"), np.array([[0.0, 0.0], [0.0, bad]]), rebalance="window")


def test_a_symbol_without_a_column_an_unknown_rebalancing_and_a_refused_decision_are_refused() -> None:
    returns = np.zeros((1, 1))
    with pytest.raises(InputError, match="B is held or in the decision but has no column"):
        idealized(HeldState.from_weights({"B": 0.1}), hold(A=1.0), ("A",), returns, rebalance="window")
    with pytest.raises(InputError, match="weekly"):
        idealized(CASH, hold(A=1.0), ("A",), returns, rebalance="weekly")
    with pytest.raises(InputError, match="failed cannot be simulated: no solution"):
        idealized(CASH, Decision.refused("failed", "no solution"), ("A",), returns, rebalance="window")


@pytest.mark.parametrize("broken", [{"slippage_bps": -1.0}, {"borrow_rate_annual": np.nan}, {"commission_bps": 6000.0}])
def test_impossible_frictions_are_refused(broken: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"slippage_bps|borrow_rate_annual|trading costs"):
        TournamentSettings(**broken)


def plain_loop(
    held: list[float],
    weights: list[float],
    returns: np.ndarray,
    *,
    trade_rate: float,
    borrow_rate: float,
    daily: bool,
) -> list[float]:
    """Wealth after every session, by bisection on the wealth after the trade and one instrument at a time."""
    holdings, money, out = list(held), 1.0 - sum(held), []
    for session, row in enumerate(returns):
        if session == 0 or daily:
            wealth = money + sum(holdings)
            low, high = 0.0, wealth
            for _ in range(200):
                middle = (low + high) / 2
                spent = trade_rate * sum(abs(w * middle - h) for w, h in zip(weights, holdings, strict=True))
                low, high = (middle, high) if middle + spent <= wealth else (low, middle)
            for i, weight in enumerate(weights):
                trade = weight * low - holdings[i]
                money -= trade + trade_rate * abs(trade)
                holdings[i] += trade
        for i, value in enumerate(row):
            if holdings[i] < 0:
                money -= borrow_rate * -holdings[i]
            holdings[i] *= 1.0 if np.isnan(value) else 1.0 + value
        out.append(money + sum(holdings))
    return out


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), daily=st.booleans(), bps=st.sampled_from([0.0, 6.0, 80.0]))
def test_both_rebalancings_agree_with_a_plain_loop(seed: int, daily: bool, bps: float) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 6))
    returns = rng.normal(0, 0.03, (12, n))
    returns[rng.random((12, n)) < 0.1] = np.nan
    gross = rng.random(n)
    weights = gross / gross.sum() * 0.9 * rng.choice([-1, 1], n)
    held = rng.normal(0, 0.2, n)
    symbols = tuple(f"S{i}" for i in range(n))
    path = simulate_window(
        HeldState.from_weights(dict(zip(symbols, held.tolist(), strict=True))),
        Decision(symbols, weights, 0.1),
        symbols,
        returns,
        trade_rate=bps * 1e-4,
        borrow_rate=0.05,
        rebalance="daily" if daily else "window",
        periods_per_year=252,
    )
    wealth = plain_loop(
        held.tolist(), weights.tolist(), returns, trade_rate=bps * 1e-4, borrow_rate=0.05 / 252, daily=daily
    )
    assert np.cumprod(1 + path.returns) == pytest.approx(wealth, abs=1e-12)
    assert path.state.wealth == pytest.approx(wealth[-1], abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_friction_is_the_only_difference_between_the_simulators(seed: int) -> None:
    rng = np.random.default_rng(seed)
    returns = rng.normal(0, 0.02, (10, 3))
    decision = hold(A=0.5, B=-0.3, C=0.2)
    ideal = idealized(CASH, decision, ("A", "B", "C"), returns, rebalance="daily")
    free = simulate_window(
        CASH,
        decision,
        ("A", "B", "C"),
        returns,
        trade_rate=0.0,
        borrow_rate=0.0,
        rebalance="daily",
        periods_per_year=252,
    )
    paid = run_realized(CASH, decision, ("A", "B", "C"), returns, rebalance="daily")
    assert ideal.returns.tolist() == free.returns.tolist()
    assert (paid.returns < ideal.returns).all()
    # Weights are exact after each trade, so the gross return is the ideal one on the wealth that the cost left.
    gross = paid.returns + paid.costs + paid.borrow
    assert gross == pytest.approx(ideal.returns * (1.0 - paid.costs), abs=1e-15)


def test_wealth_does_not_depend_on_where_the_windows_are_cut_when_nothing_trades() -> None:
    rng = np.random.default_rng(3)
    returns = rng.normal(0, 0.02, (20, 1))
    whole = run_realized(CASH, hold(A=1.0), ("A",), returns)
    first = run_realized(CASH, hold(A=1.0), ("A",), returns[:7])
    rest = run_realized(first.state, hold(A=1.0), ("A",), returns[7:])
    assert np.concatenate([first.returns, rest.returns]) == pytest.approx(whole.returns, abs=1e-15)
