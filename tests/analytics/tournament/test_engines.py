from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from analytics.errors import InfeasibleError, InputError
from analytics.tournament.engines import (
    Decision,
    Engine,
    PastView,
    Pool,
    decide_cell,
    equal_weight_engine,
    market_engine,
    own_engine,
    tradable_pool,
)
from analytics.tournament.errors import UnsupportedProfileError


def past_of(returns: np.ndarray, benchmark: np.ndarray | None = None) -> PastView:
    n_sessions, n_symbols = returns.shape
    return PastView(
        window=0,
        session_dates=tuple(date(2024, 1, 1) + timedelta(days=i) for i in range(n_sessions)),
        symbols=tuple(f"SIMX:S{i}" for i in range(n_symbols)),
        benchmark_symbol="AMEX:SPY",
        past_returns=returns,
        past_benchmark_returns=np.zeros(n_sessions) if benchmark is None else benchmark,
        train=slice(0, n_sessions),
    )


def test_equal_weight_holds_only_what_is_tradable() -> None:
    returns = np.full((100, 4), 0.01)
    returns[:50, 1] = np.nan  # 50 returns: too young
    returns[97:, 2] = np.nan  # silent for three sessions: gone
    returns[98:, 3] = np.nan  # silent for two sessions: still there
    decision = decide_cell(equal_weight_engine(), "equal_weight", past_of(returns))
    assert decision.symbols == ("SIMX:S0", "SIMX:S3")
    assert decision.net_weights.tolist() == [0.5, 0.5]
    assert (decision.cash, decision.status, decision.n_candidates, decision.n_selected) == (0.0, "ok", 4, 2)


def test_equal_weight_of_a_pool_signs_its_shorts() -> None:
    engine = equal_weight_engine(lambda past: Pool(past.symbols[:2], np.array([1, -1])), name="selected_equal_weight")
    decision = decide_cell(engine, "equal_weight", past_of(np.zeros((5, 3))))
    assert decision.net_weights.tolist() == [0.5, -0.5]


def test_an_empty_pool_is_a_failure_and_not_cash() -> None:
    decision = decide_cell(equal_weight_engine(), "equal_weight", past_of(np.full((100, 2), np.nan)))
    assert decision.status == "failed"
    assert "no instrument is tradable at 2024-04-09" in str(decision.message)


def test_the_market_is_all_benchmark() -> None:
    decision = decide_cell(market_engine(), "market", past_of(np.zeros((5, 2))))
    assert (decision.symbols, decision.net_weights.tolist()) == (("AMEX:SPY",), [1.0])
    absent = decide_cell(market_engine(), "market", past_of(np.zeros((5, 2)), np.full(5, np.nan)))
    assert absent.status == "failed"
    assert "AMEX:SPY has no return" in str(absent.message)


def test_a_risk_profile_without_a_policy_is_unsupported() -> None:
    decision = decide_cell(market_engine(), "min_variance", past_of(np.zeros((5, 2))))
    assert (decision.status, decision.message) == ("unsupported", "market has no risk profile min_variance")
    assert decision.symbols == ()


def test_a_refusal_inside_the_policy_is_unsupported_and_an_error_is_failed_with_its_text() -> None:
    def refuse(past: PastView) -> Decision:
        raise UnsupportedProfileError("shorts are not for me")

    def fail(past: PastView) -> Decision:
        raise InfeasibleError("3 clusters * cap 0.25 < 1")

    engine = own_engine({"hrp": refuse, "nco": fail})
    assert engine.risk_profiles == ("hrp", "nco")
    past = past_of(np.zeros((5, 2)))
    assert decide_cell(engine, "hrp", past).status == "unsupported"
    failed = decide_cell(engine, "nco", past)
    assert (failed.status, failed.message) == ("failed", "3 clusters * cap 0.25 < 1")


def test_a_bug_in_a_policy_is_not_hidden_in_a_cell() -> None:
    def broken(past: PastView) -> Decision:
        raise KeyError("oops")

    with pytest.raises(KeyError):
        decide_cell(Engine("ours", {"hrp": broken}), "hrp", past_of(np.zeros((5, 2))))


def test_an_unknown_symbol_fails_the_cell_by_name() -> None:
    engine = own_engine({"hrp": lambda _: Decision(("SIMX:NONE",), np.ones(1), 0.0)})
    failed = decide_cell(engine, "hrp", past_of(np.zeros((5, 2))))
    assert failed.status == "failed"
    assert "SIMX:NONE" in str(failed.message)


@pytest.mark.parametrize(
    ("symbols", "weights", "cash", "message"),
    [
        (("A", "B"), [1.0], 0.0, "2 symbols but"),
        (("A", "A"), [0.5, 0.5], 0.0, "A is named twice"),
        (("A", "B"), [0.5, np.nan], 0.5, "B has no finite weight"),
        (("A", "B"), [0.5, 0.4], 0.0, "add up to 0.900000000"),
        (("A", "B"), [0.75, -0.75], -0.5, "with cash -0.5"),
        (("A", "B"), [0.75, -0.25], 0.5, "add up to 1.5"),
        (("A",), [1.0], np.nan, "not to 1"),
    ],
)
def test_a_decision_that_cannot_be_held_is_refused(
    symbols: tuple[str, ...], weights: list[float], cash: float, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Decision(symbols, np.array(weights), cash)


def test_a_decision_keeps_its_own_weights() -> None:
    weights = np.array([0.5, -0.5])
    decision = Decision(("A", "B"), weights, 0.0)
    weights[0] = 9.0
    assert decision.net_weights.tolist() == [0.5, -0.5]
    with pytest.raises(ValueError, match="read-only"):
        decision.net_weights[0] = 1.0


def test_sleeves_are_given_for_every_symbol_or_none() -> None:
    with pytest.raises(InputError, match="sleeves has 1 entries for 2 symbols"):
        Decision(("A", "B"), np.array([0.5, 0.5]), 0.0, sleeves=("core",))


def test_a_pool_counts_only_the_train_window() -> None:
    returns = np.full((200, 1), 0.01)
    returns[100:150] = np.nan
    past = past_of(returns)
    narrow = PastView(
        1, past.session_dates, past.symbols, "AMEX:SPY", past.past_returns, past.past_benchmark_returns, slice(100, 200)
    )
    assert tradable_pool(past).symbols == ("SIMX:S0",)
    assert tradable_pool(narrow).symbols == ()
    assert narrow.train_returns.shape == (100, 1)
