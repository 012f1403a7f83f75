"""Weights, trades and sessions of portfolios that are small enough to be written out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl
import pytest

from analytics.settings import TournamentSettings
from analytics.tournament.cells import Concentration, OutOfSamplePath, TournamentCell
from analytics.tournament.engines import Decision
from analytics.tournament.simulated_frames import sessions_frame, trades_frame, weights_frame
from analytics.tournament.simulators import HeldState, simulate_window
from analytics.tournament.windows import Window

DATES = (date(2024, 1, 1), date(2024, 1, 2), date(2024, 1, 3), date(2024, 1, 4), date(2024, 1, 5))
WINDOWS = (Window(0, slice(0, 1), slice(1, 3)), Window(1, slice(2, 3), slice(3, 5)))
# Round rates, so that every figure can be checked with a pencil: 0.8 % slippage, 0.2 % commission, 2.5 % a year of 250.
COSTS = TournamentSettings(slippage_bps=80, commission_bps=20, borrow_rate_annual=0.025)
CELL = ("ours", "hrp", "realized")


def cell(decisions: Sequence[Decision], returns: np.ndarray, simulator: str = "realized") -> TournamentCell:
    """One cell in symbols A and B over both windows, from cash."""
    state, paths = HeldState.from_weights({}), []
    is_free = simulator == "idealized"
    for window, decision in zip(WINDOWS, decisions, strict=True):
        paths.append(
            simulate_window(
                state, decision, ("A", "B"), returns[window.test],
                trade_rate=0.0 if is_free else COSTS.trade_rate,
                borrow_rate=0.0 if is_free else COSTS.borrow_rate_annual,
                rebalance="window", periods_per_year=250,
            )
        )  # fmt: skip
        state = paths[-1].state
    decided = [(decision, Concentration(1.0, 1.0)) for decision in decisions]
    return TournamentCell.of("ours", "hrp", simulator, decided).simulated(OutOfSamplePath.stitch(paths))


def test_one_instrument_short_by_hand() -> None:
    short, out = Decision(("A",), np.array([-1.0]), 0.0), Decision((), np.empty(0), 1.0)
    # The price rises by 10 %, falls by 5 %, then rises by 20 % when nothing is held any more.
    one = cell((short, out), np.array([[0.0, 0.0], [0.10, 0.0], [-0.05, 0.0], [0.20, 0.0], [0.0, 0.0]]))

    assert weights_frame({("ours", "hrp"): (short, out)}).rows() == [("ours", "hrp", 0, "A", -1, 1.0, -1.0)]

    # Selling W' short costs 1 % of W', and 1 is left for both: W' = 1 / 1.01. A day's borrow is 0.0001 of the short.
    left = 1 / 1.01
    first = left * (1 - 0.10 - 0.0001)
    short_next, second = left * 1.10, first + left * 1.10 * (0.05 - 0.0001)
    bought = left * 1.10 * 0.95
    third = second - 0.01 * bought
    expected = {
        "gross_return": [-0.10 * left, 0.05 * short_next / first, 0.0, 0.0],
        "cost": [0.01 * left, 0.0, 0.01 * bought / second, 0.0],
        "borrow": [0.0001 * left, 0.0001 * short_next / first, 0.0, 0.0],
        "net_return": [first - 1, second / first - 1, third / second - 1, 0.0],
        "gross_exposure": [left, short_next / first, 0.0, 0.0],
        "net_exposure": [-left, -short_next / first, 0.0, 0.0],
        "turnover": [left / 2, 0.0, bought / second / 2, 0.0],
        "wealth": [first, second, third, third],
    }
    sessions = sessions_frame([one], WINDOWS, DATES)
    assert sessions.select("engine", "risk_profile", "simulator").unique().rows() == [CELL]
    assert sessions["window"].to_list() == [0, 0, 1, 1]
    assert sessions["session_date"].to_list() == list(DATES[1:])
    for name, values in expected.items():
        assert sessions[name].to_list() == pytest.approx(values, abs=1e-14), name

    # Sold on the first session, bought back on the first of the next window; nothing else was traded.
    trades = trades_frame([one], WINDOWS, DATES, COSTS)
    assert trades.drop("traded_weight", "slippage", "commission").rows() == [
        (*CELL, 0, DATES[1], "A"),
        (*CELL, 1, DATES[3], "A"),
    ]
    assert trades["traded_weight"].to_list() == pytest.approx([-left, bought / second], abs=1e-14)
    assert trades["slippage"].to_list() == pytest.approx([0.008 * left, 0.008 * bought / second], abs=1e-15)
    assert trades["commission"].to_list() == pytest.approx([0.002 * left, 0.002 * bought / second], abs=1e-15)


def test_a_switch_between_two_instruments_by_hand() -> None:
    decisions = (Decision(("A", "B"), np.array([0.6, 0.0]), 0.4), Decision(("B",), np.array([-0.5]), 0.5))
    one = cell(decisions, np.zeros((5, 2)))

    # A weight of 0 is no position.
    assert weights_frame({("ours", "hrp"): decisions}).rows() == [
        ("ours", "hrp", 0, "A", 1, 0.6, 0.6),
        ("ours", "hrp", 1, "B", -1, 0.5, -0.5),
    ]

    # Into A: W' = 1 - 0.006 W'. Out of it and into the short: W'' = W' - 0.01 (0.6 W' + 0.5 W'').
    first = 1 / 1.006
    share = 0.994 / 1.005  # W'' / W'
    trades = trades_frame([one], WINDOWS, DATES, COSTS)
    assert trades.select("session_date", "symbol").rows() == [(DATES[1], "A"), (DATES[3], "A"), (DATES[3], "B")]
    assert trades["traded_weight"].to_list() == pytest.approx([0.6 * first, -0.6, -0.5 * share], abs=1e-15)
    sessions = sessions_frame([one], WINDOWS, DATES)
    assert sessions["cost"].to_list() == pytest.approx([1 - first, 0.0, 1 - share, 0.0], abs=1e-15)
    assert sessions["turnover"].to_list() == pytest.approx([0.3 * first, 0.0, 0.3 + 0.25 * share, 0.0], abs=1e-15)
    borrow = 0.0001 * 0.5
    assert sessions["borrow"].to_list() == pytest.approx([0.0, 0.0, borrow * share, borrow / (1 - borrow)], abs=1e-15)
    after = first * share
    wealth = [first, first, after * (1 - borrow), after * (1 - 2 * borrow)]
    assert sessions["wealth"].to_list() == pytest.approx(wealth, abs=1e-15)


def test_an_unchanged_portfolio_trades_no_row_and_the_idealized_one_pays_nothing() -> None:
    hold = Decision(("A",), np.array([1.0]), 0.0)
    returns = np.array([[0.0, 0.0], [0.25, 0.0], [0.5, 0.0], [-0.5, 0.0], [0.0, 0.0]])
    cells = [cell((hold, hold), returns, simulator) for simulator in ("idealized", "realized")]
    trades = trades_frame(cells, WINDOWS, DATES, COSTS)
    assert trades.select("simulator", "window", "session_date", "symbol").rows() == [
        ("idealized", 0, DATES[1], "A"),
        ("realized", 0, DATES[1], "A"),
    ]
    assert trades.row(0)[-3:] == (1.0, 0.0, 0.0)
    assert trades.row(1)[-3:] == pytest.approx((1 / 1.01, 0.008 / 1.01, 0.002 / 1.01), abs=1e-16)
    free = sessions_frame(cells, WINDOWS, DATES).filter(simulator="idealized")
    assert free.select("cost", "borrow").sum().row(0) == (0.0, 0.0)
    assert free["wealth"].to_list() == [1.25, 1.875, 0.9375, 0.9375]


def test_a_total_loss_is_followed_by_sessions_without_wealth_or_trades() -> None:
    hold = Decision(("A",), np.array([1.0]), 0.0)
    returns = np.array([[0.0, 0.0], [-1.0, 0.0], [0.5, 0.0], [0.5, 0.0], [0.0, 0.0]])
    lost = cell((hold, hold), returns)
    sessions = sessions_frame([lost], WINDOWS, DATES)
    assert sessions["wealth"].to_list() == [0.0] * 4
    assert sessions["net_return"].to_list() == [-1.0, 0.0, 0.0, 0.0]
    assert trades_frame([lost], WINDOWS, DATES, COSTS)["window"].to_list() == [0]


def test_a_refused_cell_has_the_weights_of_its_other_windows_and_no_session() -> None:
    hold, refused = Decision(("A",), np.array([1.0]), 0.0), Decision.refused("failed", "no caps")
    decided = [(decision, Concentration(1.0, 1.0)) for decision in (hold, refused)]
    failed = TournamentCell.of(*CELL, decided)
    assert weights_frame({("ours", "hrp"): (hold, refused)})["window"].to_list() == [0]
    empty = [
        weights_frame({("ours", "hrp"): (refused, refused)}),
        trades_frame([failed], WINDOWS, DATES, COSTS),
        sessions_frame([failed], WINDOWS, DATES),
    ]
    full = [
        weights_frame({("ours", "hrp"): (hold, hold)}),
        trades_frame([cell((hold, hold), np.zeros((5, 2)))], WINDOWS, DATES, COSTS),
        sessions_frame([cell((hold, hold), np.zeros((5, 2)))], WINDOWS, DATES),
    ]
    assert [frame.height for frame in empty] == [0, 0, 0]
    assert [frame.schema for frame in empty] == [frame.schema for frame in full]
    assert full[1].schema["session_date"] == pl.Date()
