"""Promises and stages are rows of their contracts, recomputed here from the series."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from analytics.settings import DecisionSettings, TournamentSettings
from analytics.tournament.engines import Decide, Decision, Engine, PastView, Pool, equal_weight_engine
from analytics.tournament.facts import TournamentFacts
from analytics.tournament.walk_forward import run_tournament
from lakefolio.runs.grid_returns import GridReturns
from lakefolio.steps.tournament_evaluation import SimulatedTournament, isolation_frame, target_frames
from lakehouse.schema.tables import CONTRACTS

SYMBOLS = ("X:A", "X:B", "X:C", "X:D")
SETTINGS = DecisionSettings(
    tournament=TournamentSettings(train_sessions=60, test_sessions=20, step_sessions=20, bootstrap_samples=99)
)
VOLATILITIES = np.array([0.002, 0.006, 0.012, 0.018])
WEIGHTS = {
    "min_variance": [0.9, 0.1, 0.0, 0.0],
    "risk_parity": [0.5, 0.25, 0.15, 0.1],
    "max_sharpe": [0.0, 0.0, 0.5, 0.5],
}


def fixed(weights: list[float]) -> Decide:
    return lambda past: Decision(past.symbols, np.array(weights), 1.0 - sum(weights))


def barbell(past: PastView) -> Decision:
    sleeves = ("core", "core", "core", "aggressor")
    return Decision(past.symbols, np.array([0.4, 0.3, 0.2, 0.1]), 0.0, sleeves=sleeves, clusters=(1, 1, 2, 3),
                    identities=SYMBOLS)  # fmt: skip


def raw_pool(_: PastView) -> Pool:
    return Pool(SYMBOLS, np.ones(4, dtype=np.int64))


def selected_pool(_: PastView) -> Pool:
    return Pool(SYMBOLS[:2], np.ones(2, dtype=np.int64))


def trial(*, is_ours: bool = True) -> SimulatedTournament:
    rng = np.random.default_rng(2)
    dates = tuple(date(2024, 1, 1) + timedelta(days=day) for day in range(260))
    returns = 0.0003 + rng.normal(size=(260, 4)) * VOLATILITIES
    benchmark = rng.normal(0, 0.01, 260)
    decides = {risk_profile: fixed(weights) for risk_profile, weights in WEIGHTS.items()} | {"barbell": barbell}
    engines = [*([Engine("ours", decides)] if is_ours else []), equal_weight_engine(raw_pool)]
    facts = TournamentFacts(reference_engine="ours" if is_ours else None)
    result = run_tournament(
        dates, SYMBOLS, returns, benchmark, engines=engines, risk_profiles=[*decides, "equal_weight"], settings=SETTINGS,
        facts=facts,         rng=np.random.default_rng(0),
    )  # fmt: skip
    return SimulatedTournament(
        GridReturns(dates, SYMBOLS, returns, 252),
        benchmark,
        pl.DataFrame(schema={"session_date": pl.Date}),
        SETTINGS,
        facts,
        result,
    )


@pytest.fixture(scope="module")
def played() -> SimulatedTournament:
    return trial()


def columns(table: str) -> list[str]:
    return [column.name for column in CONTRACTS[f"results.{table}"].columns if column.name != "run_id"]


def test_promises_are_judged_under_every_simulator_with_their_comparisons(played: SimulatedTournament) -> None:
    frames = target_frames(played, np.random.default_rng(1))
    verdicts, comparisons = frames["target_achievement"], frames["target_comparisons"]
    assert verdicts.columns == columns("target_achievement")
    assert comparisons.columns == columns("target_comparisons")
    assert verdicts.height == 8
    said = {(row["simulator"], row["risk_profile"]): row["outcome"] for row in verdicts.to_dicts()}
    assert said["realized", "min_variance"] == said["realized", "barbell"] == "ACHIEVED"
    assert said["realized", "risk_parity"] == "ACHIEVED"
    order = comparisons.filter(
        simulator="realized",
        risk_profile="risk_parity",
        lower_risk_profile="risk_parity",
        upper_risk_profile="equal_weight",
    ).row(0, named=True)
    series = played.result.sessions.filter(simulator="realized")
    for place in ("lower", "upper"):
        stream = series.filter(risk_profile=order[f"{place}_risk_profile"])["net_return"].to_numpy()
        assert order[f"{place}_value"] == pytest.approx(stream.std(ddof=1) * np.sqrt(252), rel=1e-12)


def test_the_stages_are_the_pools_and_the_risk_profile(played: SimulatedTournament) -> None:
    frame = isolation_frame(played, raw_pool, selected_pool, lambda: np.random.default_rng(4))
    assert frame.columns == columns("alpha_isolation")
    assert frame.height == 2 * 4 * 6
    row = frame.filter(simulator="idealized", risk_profile="min_variance", metric="mean_annual").row(0, named=True)
    tested = played.panel.returns[60:]
    series = played.result.sessions.filter(simulator="idealized")
    assert row["raw_pool"] == pytest.approx(series.filter(engine="equal_weight")["net_return"].mean() * 252, abs=1e-12)
    assert row["optimised"] == pytest.approx(
        series.filter(risk_profile="min_variance")["net_return"].mean() * 252, abs=1e-12
    )
    assert row["selected"] == pytest.approx(tested[:, :2].mean() * 252, abs=2e-3)
    assert row["selection_alpha"] == pytest.approx(row["selected"] - row["raw_pool"], abs=1e-15)
    intervals = frame.filter(simulator="idealized", metric="mean_annual")["selection_lower"]
    assert intervals.n_unique() == 1


def test_a_pool_that_could_not_be_held_says_why(played: SimulatedTournament) -> None:
    frame = isolation_frame(
        played, lambda _: Pool((), np.empty(0, dtype=np.int64)), selected_pool, lambda: np.random.default_rng(4)
    )
    assert frame["selected"].null_count() == frame.height == 48
    assert set(frame["message"].str.contains("no instrument is tradable")) == {True}


def test_without_the_house_there_is_no_promise() -> None:
    others = trial(is_ours=False)
    assert all(frame.is_empty() for frame in target_frames(others, np.random.default_rng(1)).values())
    assert isolation_frame(others, raw_pool, selected_pool, lambda: np.random.default_rng(4)).is_empty()
