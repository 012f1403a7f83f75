"""Frames of a tournament from decisions and paths given by hand."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from analytics.settings import DecisionSettings, TournamentSettings
from analytics.tournament.cells import Concentration, OutOfSamplePath, TournamentCell
from analytics.tournament.engines import Decision
from analytics.tournament.facts import TournamentFacts
from analytics.tournament.result_frames import (
    METRICS,
    decay_frame,
    evaluate_cells,
    windows_frame,
)
from analytics.tournament.simulators import HeldState, idealized, realized
from analytics.tournament.windows import Window

DATES = tuple(date(2024, 1, 1) + timedelta(days=day) for day in range(34))
WINDOWS = (Window(0, slice(0, 2), slice(2, 18)), Window(1, slice(16, 18), slice(18, 34)))
RETURNS = np.random.default_rng(0).normal(0.001, 0.01, (34, 2))
DECISION = Decision(("A", "B"), np.array([0.6, -0.3]), 0.1, regime="QUIET", n_candidates=5, message="all caps bind")
REFUSED = Decision.refused("failed", "no caps")


def simulated(simulator: str) -> TournamentCell:
    state, paths = HeldState.from_weights({}), []
    for window in WINDOWS:
        given = (state, DECISION, ("A", "B"), RETURNS[window.test])
        if simulator == "idealized":
            paths.append(idealized(*given, rebalance="window"))
        else:
            costs = {"trade_rate": 0.0006, "borrow_rate": 0.02}
            paths.append(realized(*given, **costs, rebalance="window", periods_per_year=252))
        state = paths[-1].state
    concentration = Concentration(0.5, 1.8)
    cell = TournamentCell.of("ours", "hrp", simulator, [(DECISION, concentration)] * 2)
    return cell.simulated(OutOfSamplePath.stitch(paths))


CELLS = (simulated("idealized"), simulated("realized"))


def test_a_window_is_described_by_the_first_usable_decision_of_the_reference_engine() -> None:
    decisions = {("ours", "nco"): (REFUSED, DECISION), ("ours", "hrp"): (DECISION, DECISION)}
    rows = windows_frame(WINDOWS, DATES, decisions, "ours").to_dicts()
    assert [row["train_end"] for row in rows] == [DATES[1], DATES[17]]
    assert [(row["test_start"], row["test_end"]) for row in rows] == [(DATES[2], DATES[17]), (DATES[18], DATES[33])]
    assert [(row["regime"], row["n_candidates"]) for row in rows] == [("QUIET", 5)] * 2
    assert [row["message"] for row in rows] == ["all caps bind; ours/nco failed: no caps", "all caps bind"]
    other = windows_frame(WINDOWS, DATES, decisions, "market").to_dicts()
    assert [row["regime"] for row in other] == [None, None]


def test_every_cell_has_every_metric_and_decay_is_idealized_minus_realized() -> None:
    refused = TournamentCell.of("ours", "nco", "realized", [(REFUSED, Concentration(float("nan"), float("nan")))])
    settings = DecisionSettings(tournament=TournamentSettings(bootstrap_samples=20))
    metrics, overfitting = evaluate_cells(
        [*CELLS, refused], np.zeros(32), settings, TournamentFacts(), np.random.default_rng(0)
    )
    assert metrics.height == 3 * len(METRICS)
    nulls = metrics.filter(risk_profile="nco")
    assert nulls["value"].null_count() == len(METRICS)
    assert set(nulls["message"]) == {"failed in 1 of 1 windows, first in window 0: no caps"}
    values = {
        row[0]: row[1] for row in metrics.filter(simulator="realized", risk_profile="hrp")["metric", "value"].rows()
    }
    assert (values["hhi"], values["effective_bets"]) == (0.5, 1.8)
    assert values["total_return"] == pytest.approx(np.prod(1.0 + CELLS[1].path.returns) - 1.0)
    trials = overfitting.filter(metric="n_trials")
    assert trials["value"].to_list() == [1.0, 1.0]
    decay = decay_frame(metrics).filter(metric="total_return").row(0, named=True)
    assert decay["decay"] == decay["idealized"] - decay["realized"] > 0.0


def test_without_a_simulated_cell_there_are_no_trials() -> None:
    refused = TournamentCell.of("ours", "nco", "realized", [(REFUSED, Concentration(float("nan"), float("nan")))])
    settings = DecisionSettings(tournament=TournamentSettings(simulators=("realized",)))
    _, overfitting = evaluate_cells([refused], np.zeros(32), settings, TournamentFacts(), np.random.default_rng(0))
    assert overfitting.rows() == [("realized", "n_trials", 0.0, "no cell could be simulated")]
