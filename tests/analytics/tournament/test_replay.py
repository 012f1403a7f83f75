"""The replay decides each window from its own past and carries the last holdings of a risk profile into the next."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from analytics.errors import InputError, ShortHistoryError
from analytics.policy import SelectedInstruments, decide_selection
from analytics.settings import AllocationSettings
from analytics.tournament.engines import PastView
from analytics.tournament.replay import EarlierMarket, FixedSelection, Replay, candidates_at
from tests.analytics.test_policy import SETTINGS, candidates
from tests.analytics.test_policy import past as simulated_returns

RETURNS = simulated_returns(500)
DATES = tuple(date(2022, 1, 3) + timedelta(days=day) for day in range(500))
SYMBOLS = tuple(candidates()["symbol"])
EARLIER = EarlierMarket("pool", np.array([]))
CHOSEN = SelectedInstruments(SYMBOLS, SYMBOLS, ("equity",) * 15, np.ones(15, dtype=np.int64))


def past_of(window: int, stop: int) -> PastView:
    dated = candidates().with_columns(session_date=pl.lit(DATES[stop - 1]))
    return PastView(
        window=window,
        session_dates=DATES[:stop],
        symbols=SYMBOLS,
        benchmark_symbol="AMEX:SPY",
        past_returns=RETURNS[:stop],
        past_benchmark_returns=RETURNS[:stop].mean(axis=1),
        train=slice(stop - 252, stop),
        past_frames={"candidates": dated},
    )


def replay(*, is_fixed: bool = True, turnover_penalty: float = 0.05) -> Replay:
    allocation = AllocationSettings(risk_profiles=("min_variance",), turnover_penalty=turnover_penalty)
    settings = SETTINGS.model_copy(update={"allocation": allocation})
    return Replay(settings, 252, EARLIER, FixedSelection(CHOSEN, "QUIET") if is_fixed else None)


def test_a_decision_holds_the_fixed_selection_under_its_regime() -> None:
    decision = replay().decides(["min_variance"])["min_variance"](past_of(0, 400))
    assert decision.regime == "QUIET"
    assert (decision.n_candidates, decision.n_selected) == (15, 15)
    assert np.abs(decision.net_weights).sum() + decision.cash == pytest.approx(1.0)
    assert set(decision.symbols) <= set(SYMBOLS)
    assert len(decision.sleeves) == len(decision.clusters) == len(decision.symbols)
    assert set(decision.clusters) <= set(range(1, decision.n_clusters + 1))


def test_a_window_is_prepared_once_for_all_risk_profiles() -> None:
    made = replay()
    first = made.prepare(past_of(0, 400))
    made.decides(["hrp", "min_variance"])["hrp"](past_of(0, 400))
    assert made.prepare(past_of(0, 400)) is first
    assert made.prepare(past_of(1, 420)) is not first


def test_instruments_with_a_short_history_are_left_out_of_the_window() -> None:
    past = past_of(0, 400)
    returns = past.past_returns.copy()
    returns[:350, 4] = np.nan
    prepared = replay().prepare(replace(past, past_returns=returns))
    assert set(SYMBOLS) - set(prepared.chosen.symbols) == {SYMBOLS[4]}
    assert prepared.train_returns.shape == (252, 14)


def test_the_last_decision_is_held_before_the_next_one() -> None:
    def second_decision(turnover_penalty: float, *, with_first: bool) -> np.ndarray:
        decide = replay(turnover_penalty=turnover_penalty).decides(["min_variance"])["min_variance"]
        if with_first:
            decide(past_of(0, 400))
        decision = decide(past_of(1, 450))
        weights = dict(zip(decision.symbols, decision.net_weights, strict=True))
        return np.array([weights.get(symbol, 0.0) for symbol in SYMBOLS])

    difference = second_decision(0.2, with_first=True) - second_decision(0.2, with_first=False)
    assert np.abs(difference).max() > 1e-3
    free = second_decision(0.0, with_first=True) - second_decision(0.0, with_first=False)
    np.testing.assert_array_equal(free, np.zeros(15))


def test_without_a_fixed_selection_the_winners_are_those_of_the_window_itself() -> None:
    made, past = replay(is_fixed=False), past_of(0, 400)
    prepared = made.prepare(past)
    _, selection = decide_selection(
        past.train_returns, candidates(), prepared.regime, made.settings, periods_per_year=252
    )
    assert prepared.chosen.symbols == SelectedInstruments.of(selection).symbols
    assert made.selected_pool(past).symbols == prepared.chosen.symbols
    assert made.raw_pool(past).symbols == SYMBOLS


def test_a_selected_instrument_without_returns_is_named() -> None:
    stranger = SelectedInstruments(("X:NONE",), ("none",), ("equity",), np.ones(1, dtype=np.int64))
    made = replace(replay(), fixed_selection=FixedSelection(stranger, "QUIET"))
    with pytest.raises(InputError, match="X:NONE has no returns in the tournament"):
        made.prepare(past_of(0, 400))


def test_a_past_without_candidates_is_refused_with_its_last_session() -> None:
    past = past_of(0, 400)
    with pytest.raises(ShortHistoryError, match=f"no candidates are known at {DATES[399]}"):
        candidates_at(replace(past, past_frames={}))
    earlier = candidates().with_columns(session_date=pl.lit(DATES[390]))
    with pytest.raises(ShortHistoryError, match=f"found no candidate at {DATES[399]}"):
        candidates_at(replace(past, past_frames={"candidates": earlier}))
