from __future__ import annotations

import importlib
import importlib.util
from datetime import date, timedelta
from functools import partial

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.errors import InfeasibleError, InputError
from analytics.settings import DecisionSettings, TournamentSettings
from analytics.tournament.engines import Decision, Engine, PastView, equal_weight_engine, market_engine, tradable_pool
from analytics.tournament.facts import TournamentFacts
from analytics.tournament.result_frames import METRICS
from analytics.tournament.walk_forward import TournamentResult, run_tournament, simulate_engines

N_SESSIONS, N = 150, 5
SYMBOLS = tuple(f"SIMX:S{i}" for i in range(N))
DATES = tuple(date(2023, 1, 2) + timedelta(days=i) for i in range(N_SESSIONS))


def settings_of(**changes: object) -> DecisionSettings:
    """Short windows, with changes to the tournament's settings."""
    short = {"train_sessions": 60, "test_sessions": 20, "step_sessions": 20, "bootstrap_samples": 50}
    return DecisionSettings(tournament=TournamentSettings(**{**short, **changes}))


SHORT, FACTS = settings_of(), TournamentFacts()
PROFILES = ("momentum", "equal_weight", "market")


def market_data(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    returns = rng.normal(0.0004, 0.01, (N_SESSIONS, N))
    returns[rng.random(returns.shape) < 0.03] = np.nan
    return returns, rng.normal(0.0003, 0.008, N_SESSIONS)


def momentum(past: PastView) -> Decision:
    """Use all that a policy may see, so that any leak of the future moves a weight."""
    signal = np.nanmean(past.train_returns, axis=0) / np.nanstd(past.past_returns, axis=0)
    signal = signal + np.nanmean(past.past_benchmark_returns) + past.past_histories["value_traded"].mean(axis=0)
    signal = signal + past.past_frames["scans"]["score"].sum() + past.past_frames["scans"].height
    weights = signal / np.abs(signal).sum() * 0.95 * np.array([1, -1, 1, 1, -1])
    regime = "CRISIS" if past.past_benchmark_returns[-1] < 0 else "QUIET"
    return Decision(past.symbols, weights, 0.05, regime=regime, n_candidates=N, n_selected=N, n_clusters=3)


ENGINES = (
    Engine("ours", {"momentum": momentum}),
    equal_weight_engine(partial(tradable_pool, min_history_sessions=30)),
    market_engine(),
)


def run(
    returns: np.ndarray,
    benchmark: np.ndarray,
    settings: DecisionSettings = SHORT,
    facts: TournamentFacts = FACTS,
    *,
    engines: tuple[Engine, ...] = ENGINES,
    histories: np.ndarray | None = None,
    scores: np.ndarray | None = None,
    **others: object,
) -> TournamentResult:
    scores = np.linspace(0, 1, N_SESSIONS) if scores is None else scores
    return run_tournament(
        DATES,
        SYMBOLS,
        returns,
        benchmark,
        engines=engines,
        risk_profiles=PROFILES,
        settings=settings,
        facts=facts,
        rng=np.random.default_rng(7),
        histories={"value_traded": np.ones((N_SESSIONS, N)) if histories is None else histories},
        frames={"scans": pl.DataFrame({"session_date": DATES, "score": scores})},
        **others,  # type: ignore[arg-type]
    )


def contract(table: str) -> tuple[str, ...]:
    name = (
        "lakehouse.schema.tables"
        if importlib.util.find_spec("lakehouse.schema.tables")
        else "lakehouse.schema.contracts"
    )
    columns = importlib.import_module(name).CONTRACTS[f"results.{table}"].names
    return tuple(column for column in columns if column != "run_id")


def test_the_frames_have_the_columns_and_grain_of_the_results_tables() -> None:
    result = run(*market_data())
    assert tuple(result.windows.columns) == contract("tournament_windows")
    assert tuple(result.weights.columns) == contract("tournament_weights")
    assert tuple(result.trades.columns) == contract("tournament_trades")
    assert tuple(result.sessions.columns) == contract("tournament_sessions")
    assert tuple(result.metrics.columns) == contract("tournament_metrics")
    assert result.windows["window"].to_list() == [0, 1, 2, 3, 4]
    keys = ["engine", "risk_profile", "simulator", "session_date"]
    assert result.sessions.height == 3 * 2 * 90
    assert not result.sessions.select(keys).is_duplicated().any()
    assert not result.trades.select(*keys, "symbol").is_duplicated().any()
    assert not result.weights.select("engine", "risk_profile", "window", "symbol").is_duplicated().any()
    assert not result.metrics.select("engine", "risk_profile", "simulator", "metric").is_duplicated().any()
    assert result.metrics.height == 3 * 3 * 2 * len(METRICS)
    assert not result.metrics["value"].is_nan().any()
    assert result.windows["realised_regime"].null_count() == 5


def test_windows_carry_their_dates_and_the_decision_regime_of_the_reference_engine() -> None:
    returns, benchmark = market_data()
    windows = run(returns, benchmark).windows.to_dicts()
    assert [windows[0][name] for name in ("train_start", "train_end", "test_start", "test_end")] == [
        DATES[0], DATES[59], DATES[60], DATES[79],
    ]  # fmt: skip
    assert windows[-1]["test_end"] == DATES[-1]
    assert [row["regime"] for row in windows] == ["CRISIS" if benchmark[59 + 20 * i] < 0 else "QUIET" for i in range(5)]
    assert windows[0]["n_clusters"] == 3
    other = run(returns, benchmark, facts=TournamentFacts(reference_engine="market"))
    assert other.windows["regime"].to_list() == [None] * 5


@settings(max_examples=15, deadline=None)
@given(window=st.integers(0, 4), seed=st.integers(1, 10**6))
def test_noise_after_the_train_window_leaves_the_decision_bit_identical(window: int, seed: int) -> None:
    returns, benchmark = market_data()
    histories, scores = np.ones((N_SESSIONS, N)), np.linspace(0, 1, N_SESSIONS)
    before = run(returns, benchmark, histories=histories, scores=scores)
    stop = 60 + 20 * window
    rng = np.random.default_rng(seed)
    returns, benchmark, histories, scores = (values.copy() for values in (returns, benchmark, histories, scores))
    returns[stop:] = rng.normal(0, 0.5, returns[stop:].shape).clip(-0.9)
    benchmark[stop:] = rng.normal(0, 0.5, benchmark[stop:].shape).clip(-0.9)
    histories[stop:], scores[stop:] = rng.normal(size=histories[stop:].shape), rng.normal(size=scores[stop:].shape)
    after = run(
        returns, benchmark, settings_of(simulators=("idealized",), bootstrap_samples=2),
        histories=histories, scores=scores,
        engines=ENGINES,
    )  # fmt: skip
    for key, decisions in before.decisions.items():
        for number in range(window + 1):
            old, new = decisions[number], after.decisions[key][number]
            assert old.net_weights.tobytes() == new.net_weights.tobytes()
            assert (old.symbols, old.cash, old.regime, old.status) == (new.symbols, new.cash, new.regime, new.status)


def test_noise_inside_the_train_window_does_move_the_decision() -> None:
    returns, benchmark = market_data()
    before = run(returns, benchmark).decisions["ours", "momentum"][1]
    moved = returns.copy()
    moved[79, 0] = 0.5
    after = run(moved, benchmark).decisions["ours", "momentum"]
    assert before.net_weights.tobytes() != after[1].net_weights.tobytes()


def test_a_policy_sees_read_only_copies_that_end_with_its_past() -> None:
    seen: list[PastView] = []

    def look(past: PastView) -> Decision:
        seen.append(past)
        return momentum(past)

    run(*market_data(), engines=(Engine("ours", {"momentum": look}),))
    for number, past in enumerate(seen):
        stop = 60 + 20 * number
        assert past.past_returns.base is None
        assert past.past_benchmark_returns.base is None
        assert (len(past.session_dates), len(past.past_returns), past.train.stop) == (stop, stop, stop)
        assert past.past_histories["value_traded"].shape[0] == stop
        assert past.past_frames["scans"]["session_date"].max() == DATES[stop - 1] == past.train_end
        with pytest.raises(ValueError, match="read-only"):
            past.past_returns[0, 0] = 1.0
        with pytest.raises(TypeError):
            past.past_histories["x"] = np.zeros(1)  # type: ignore[index]


def test_a_cell_is_never_filled_by_another_engine() -> None:
    result = run(*market_data())
    status = result.metrics.group_by("engine", "risk_profile").agg(pl.col("status").unique(), pl.col("value").count())
    for row in status.to_dicts():
        supported = (row["engine"], row["risk_profile"]) in {
            ("ours", "momentum"), ("equal_weight", "equal_weight"), ("market", "market"),
        }  # fmt: skip
        assert row["status"] == (["ok"] if supported else ["unsupported"])
        assert (row["value"] > 0) == supported
    simulated = {
        (row["engine"], row["risk_profile"])
        for row in result.sessions.select("engine", "risk_profile").unique().to_dicts()
    }
    assert simulated == {("ours", "momentum"), ("equal_weight", "equal_weight"), ("market", "market")}


def test_one_failed_window_fails_the_cell_and_names_window_and_error() -> None:
    def fails_once(past: PastView) -> Decision:
        if past.window == 3:
            raise InfeasibleError("3 clusters * cap 0.25 < 1")
        return momentum(past)

    result = run(*market_data(), engines=(Engine("ours", {"momentum": fails_once}), market_engine()))
    cell = result.metrics.filter((pl.col("engine") == "ours") & (pl.col("risk_profile") == "momentum"))
    assert cell["status"].unique().to_list() == ["failed"]
    assert cell["value"].null_count() == cell.height
    assert cell["message"][0] == "failed in 1 of 5 windows, first in window 3: 3 clusters * cap 0.25 < 1"
    assert result.sessions.filter(pl.col("engine") == "ours").is_empty()
    assert result.windows["message"][3] == "ours/momentum failed: 3 clusters * cap 0.25 < 1"
    assert result.windows["regime"][3] is None


def test_ruin_fails_the_simulated_cell() -> None:
    returns, benchmark = market_data()
    returns[70, 0] = 3.0
    short = Engine("ours", {"momentum": lambda past: Decision(past.symbols[:1], np.array([-1.0]), 0.0)})
    result = run(returns, benchmark, engines=(short,))
    cell = result.metrics.filter(pl.col("risk_profile") == "momentum")
    assert cell["status"].unique().to_list() == ["failed"]
    assert "window 0: wealth fell to" in cell["message"][0]
    assert result.overfitting["value"].to_list() == [0.0, 0.0]


def test_a_solution_with_another_status_is_simulated_and_the_message_counts_it() -> None:
    def shown(past: PastView) -> Decision:
        base = momentum(past)
        return Decision(base.symbols, base.net_weights, base.cash, status="no_positive_excess_return")

    result = run(*market_data(), engines=(Engine("ours", {"momentum": shown}),))
    row = result.metrics.filter((pl.col("risk_profile") == "momentum") & (pl.col("metric") == "sharpe")).to_dicts()[0]
    assert row["status"] == "ok"
    assert row["message"] == "no_positive_excess_return in 5 of 5 windows, first in window 0"


def test_the_idealized_market_is_the_benchmark_and_earns_nothing_where_it_has_no_session() -> None:
    returns, benchmark = market_data()
    benchmark[65] = np.nan
    result = run(returns, benchmark)
    market = result.sessions.filter((pl.col("engine") == "market") & (pl.col("simulator") == "idealized"))
    assert market["net_return"].to_numpy() == pytest.approx(np.nan_to_num(benchmark[60:]), abs=1e-14)
    beta = result.metrics.filter((pl.col("engine") == "market") & (pl.col("metric") == "beta"))
    assert beta["value"].drop_nulls().to_list() == pytest.approx([1.0, 1.0], abs=1e-3)


def test_metrics_are_those_of_the_stitched_series_and_decay_is_their_difference() -> None:
    result = run(*market_data())
    for simulator in ("idealized", "realized"):
        keys = (
            (pl.col("engine") == "ours") & (pl.col("risk_profile") == "momentum") & (pl.col("simulator") == simulator)
        )
        series = result.sessions.filter(keys)["net_return"].to_numpy()
        values = dict(result.metrics.filter(keys).select("metric", "value").rows())
        assert values["total_return"] == pytest.approx(np.prod(1 + series) - 1, abs=1e-12)
        assert values["sharpe"] == pytest.approx(series.mean() / series.std(ddof=1) * np.sqrt(252), abs=1e-12)
        sessions = result.sessions.filter(keys)
        assert (sessions["borrow"] > 0).all() == (simulator == "realized")
        assert values["cost_drag"] == pytest.approx((sessions["cost"] + sessions["borrow"]).sum() * 252 / 90, abs=1e-12)
    decay = result.decay.filter((pl.col("engine") == "ours") & (pl.col("metric") == "total_return")).to_dicts()[0]
    assert decay["decay"] == pytest.approx(decay["idealized"] - decay["realized"], abs=1e-15)
    assert decay["decay"] > 0
    free = settings_of(slippage_bps=0, commission_bps=0, borrow_rate_annual=0)
    none = run(*market_data(), free).decay
    # Bootstrap intervals are drawn anew for each simulator; every figure of the series itself must agree exactly.
    assert none.filter(~pl.col("metric").str.starts_with("sharpe_"))["decay"].abs().max() == 0.0


@pytest.mark.parametrize("rebalance", ["window", "daily"])
def test_sessions_are_the_sums_of_their_trades_and_add_up(rebalance: str) -> None:
    result = run(*market_data(), settings_of(rebalance=rebalance))
    keys = ["engine", "risk_profile", "simulator", "session_date"]
    traded = result.trades.group_by(keys).agg(
        (pl.col("slippage") + pl.col("commission")).sum().alias("paid"),
        (pl.col("traded_weight").abs().sum() / 2).alias("traded"),
    )
    joined = result.sessions.join(traded, on=keys, how="left").with_columns(pl.col("paid", "traded").fill_null(0.0))
    assert joined["paid"].to_numpy() == pytest.approx(joined["cost"].to_numpy(), abs=1e-15)
    assert joined["traded"].to_numpy() == pytest.approx(joined["turnover"].to_numpy(), abs=1e-15)
    # The market holds one instrument, which never drifts from its weight: it is bought once.
    assert (joined["cost"] > 1e-9).sum() == (2 * 5 + 1 if rebalance == "window" else 2 * 90 + 1)
    net = joined["gross_return"] - joined["cost"] - joined["borrow"]
    assert net.to_numpy() == pytest.approx(joined["net_return"].to_numpy(), abs=1e-14)
    shorts = (joined["gross_exposure"] - joined["net_exposure"]) / 2
    rate = joined.select(pl.when(pl.col("simulator") == "realized").then(0.02 / 252).otherwise(0.0)).to_series()
    assert joined["borrow"].to_numpy() == pytest.approx((shorts * rate).to_numpy(), abs=1e-15)


def test_a_window_begins_with_the_weights_decided_for_it() -> None:
    result = run(*market_data())
    keys = ["engine", "risk_profile", "window"]
    decided = result.weights.group_by(keys).agg(pl.col("weight", "net_weight").sum())
    first = result.sessions.group_by([*keys, "simulator"], maintain_order=True).first().join(decided, on=keys)
    assert first.height == 3 * 5 * 2
    left = 1 - first["cost"]
    assert (first["weight"] * left).to_numpy() == pytest.approx(first["gross_exposure"].to_numpy(), abs=1e-14)
    assert (first["net_weight"] * left).to_numpy() == pytest.approx(first["net_exposure"].to_numpy(), abs=1e-14)
    ours = result.weights.filter(engine="ours", window=2)
    decision = result.decisions["ours", "momentum"][2]
    assert dict(ours.select("symbol", "net_weight").rows()) == dict(
        zip(decision.symbols, decision.net_weights, strict=True)
    )


def test_the_first_window_starts_from_the_held_portfolio() -> None:
    from_cash = run(*market_data())
    held = dict.fromkeys(SYMBOLS, 1 / N)
    from_held = run(*market_data(), facts=TournamentFacts(held_weights=held))
    pick = (pl.col("engine") == "equal_weight") & (pl.col("simulator") == "realized")
    assert from_held.sessions.filter(pick)["cost"][0] == pytest.approx(0.0, abs=1e-15)
    assert from_cash.sessions.filter(pick)["cost"][0] == pytest.approx(1 - 1 / 1.0006, abs=1e-15)


def test_daily_rebalancing_trades_every_session_in_both_simulators() -> None:
    result = run(*market_data(), settings_of(rebalance="daily"))
    days = (
        result.sessions.filter(pl.col("engine") == "equal_weight")
        .group_by("simulator")
        .agg((pl.col("turnover") > 0).sum())
    )
    assert days["turnover"].to_list() == [90, 90]


def test_overfitting_is_measured_on_every_cell_but_the_market() -> None:
    result = run(*market_data())
    overfitting = {(row["simulator"], row["metric"]): row for row in result.overfitting.to_dicts()}
    assert overfitting["realized", "n_trials"]["value"] == 2.0
    assert 0.0 <= overfitting["realized", "superiority_p_value"]["value"] <= 1.0
    assert overfitting["realized", "superiority_p_value"]["message"].startswith("best ")
    assert 0.0 <= overfitting["realized", "overfitting_probability"]["value"] <= 1.0
    deflated = result.metrics.filter((pl.col("metric") == "deflated_sharpe") & (pl.col("status") == "ok"))
    by_engine = {row["engine"]: row for row in deflated.to_dicts()}
    assert by_engine["market"]["value"] is None
    assert "no trial" in by_engine["market"]["message"]
    plain = result.metrics.filter(pl.col("metric") == "probabilistic_sharpe").to_dicts()
    first = next(row for row in plain if row["engine"] == "ours" and row["value"] is not None)
    assert by_engine["ours"]["value"] < first["value"]


def test_the_same_seed_gives_the_same_frames_and_windows_are_counted() -> None:
    progress: list[tuple[int, int]] = []
    first = run(*market_data(), on_window=lambda done, total: progress.append((done, total)))
    second = run(*market_data())
    assert progress == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]
    for name in ("windows", "metrics", "sessions", "weights", "trades", "decay", "overfitting"):
        assert getattr(first, name).equals(getattr(second, name)), name


def refusal(**changes: object) -> str:
    returns, benchmark = market_data()
    given: dict[str, object] = {
        "session_dates": DATES, "symbols": SYMBOLS, "returns": returns, "benchmark_returns": benchmark,
        "engines": (market_engine(),), "risk_profiles": ("market",), "settings": SHORT, "facts": FACTS, **changes,
    }  # fmt: skip
    with pytest.raises(InputError) as caught:
        run_tournament(**given, rng=np.random.default_rng(0))  # type: ignore[arg-type]
    return str(caught.value)


def test_invalid_input_is_refused_with_symbol_and_session() -> None:
    returns, _ = market_data()
    returns[40, 2] = -1.2
    assert "SIMX:S2 returns -1.2 on 2023-02-11" in refusal(returns=returns)
    assert "sessions must ascend" in refusal(session_dates=(*DATES[:-1], DATES[0]))
    assert "AMEX:SPY is the benchmark" in refusal(symbols=("AMEX:SPY", *SYMBOLS[1:]))
    assert "two columns" in refusal(symbols=(SYMBOLS[1], *SYMBOLS[1:]))
    assert "beside returns of shape (150, 4)" in refusal(returns=returns[:, :4])
    assert "history close has shape (3,)" in refusal(histories={"close": np.zeros(3)})
    assert "frame scans has no column session_date" in refusal(frames={"scans": pl.DataFrame({"x": [1]})})
    assert "each name once" in refusal(engines=(market_engine(), market_engine()))
    assert "at least one" in refusal(risk_profiles=())
    assert "reference engine ours" in refusal(facts=TournamentFacts(reference_engine="ours"))
    assert "SIMX:GONE is held" in refusal(facts=TournamentFacts(held_weights={"SIMX:GONE": 0.1}))


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="weekly"):
        TournamentSettings(rebalance="weekly")
    with pytest.raises(ValueError, match="vectorbt"):
        TournamentSettings(simulators=("vectorbt",))


def test_engines_simulated_without_evaluation_have_the_same_returns() -> None:
    returns, benchmark = market_data()
    evaluated = run(returns, benchmark).sessions
    cells = simulate_engines(
        DATES,
        SYMBOLS,
        returns,
        benchmark,
        engines=ENGINES[1:],
        risk_profiles=["equal_weight", "market"],
        settings=SHORT,
        facts=FACTS,
    )
    assert [(cell.engine, cell.risk_profile, cell.simulator, cell.status) for cell in cells][:3] == [
        ("equal_weight", "equal_weight", "idealized", "ok"),
        ("equal_weight", "equal_weight", "realized", "ok"),
        ("equal_weight", "market", "idealized", "unsupported"),
    ]
    for cell in cells:
        same = evaluated.filter(engine=cell.engine, risk_profile=cell.risk_profile, simulator=cell.simulator)[
            "net_return"
        ].to_numpy()
        assert (cell.path is None) == (same.size == 0)
        if cell.path is not None:
            np.testing.assert_array_equal(cell.path.returns, same)
