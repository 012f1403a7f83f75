"""Cells: the status and message that follow from the decisions of all windows, and the stitched path."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.tournament.cells import Concentration, OutOfSamplePath, TournamentCell
from analytics.tournament.engines import FAILED, UNSUPPORTED, Decision
from analytics.tournament.simulators import HeldState, WindowPath

NO_CONCENTRATION = Concentration(float("nan"), float("nan"))


def held(*symbols: str, status: str = "ok") -> Decision:
    return Decision(symbols, np.full(len(symbols), 1 / len(symbols)), 0.0, status=status)


def cell_of(*decisions: Decision) -> TournamentCell:
    return TournamentCell.of("ours", "hrp", "realized", [(decision, NO_CONCENTRATION) for decision in decisions])


def window_path(returns: list[float], cost: float) -> WindowPath:
    count = len(returns)
    net, costs = np.array(returns), np.full(count, cost)
    return WindowPath(
        ("A",),
        returns=net, turnover=costs * 10, costs=costs, borrow=costs / 2, gross_returns=net + costs * 1.5,
        gross_exposure=np.full(count, 0.9), net_exposure=np.full(count, -0.9), wealth=np.cumprod(1 + net),
        trades=np.zeros((count, 1)), state=HeldState({}, 1.0),
    )  # fmt: skip


def test_decisions_without_a_refusal_make_a_usable_cell_without_a_message() -> None:
    cell = cell_of(held("A"), held("A", "B"))
    assert (cell.status, cell.message, cell.is_usable, cell.name) == ("ok", None, True, "ours/hrp")
    assert len(cell.concentrations) == 2


@pytest.mark.parametrize(
    ("refusals", "status", "message"),
    [
        ({1: (FAILED, "no cap")}, FAILED, "failed in 1 of 3 windows, first in window 1: no cap"),
        (
            {0: (UNSUPPORTED, "no shorts"), 2: (UNSUPPORTED, "no shorts")},
            UNSUPPORTED,
            "unsupported in 2 of 3 windows, first in window 0: no shorts",
        ),
        (
            {0: (UNSUPPORTED, "no shorts"), 1: (FAILED, "no cap")},
            FAILED,
            "failed in 2 of 3 windows, first in window 1: no cap",
        ),
    ],
)
def test_one_refused_window_refuses_the_cell_and_a_failure_outweighs_unsupported(
    refusals: dict[int, tuple[str, str]], status: str, message: str
) -> None:
    decisions = [Decision.refused(*refusals[number]) if number in refusals else held("A") for number in range(3)]
    cell = cell_of(*decisions)
    assert (cell.status, cell.message, cell.is_usable) == (status, message, False)


def test_another_status_of_a_solution_is_counted_in_the_message() -> None:
    cell = cell_of(held("A"), held("A", status="no_positive_excess_return"))
    assert (cell.status, cell.message) == ("ok", "no_positive_excess_return in 1 of 2 windows, first in window 1")


def test_a_cell_that_holds_only_the_benchmark_is_recognised() -> None:
    assert cell_of(held("SPY"), held("SPY")).holds_only("SPY")
    assert not cell_of(held("SPY"), held("SPY", "A")).holds_only("SPY")


def test_a_failed_simulation_removes_the_path() -> None:
    path = OutOfSamplePath.stitch([window_path([0.01], 0.001)])
    cell = cell_of(held("A")).simulated(path)
    assert cell.path is path
    failed = cell.failed("window 0: wealth fell to -0.1")
    assert (failed.status, failed.path, failed.message) == (FAILED, None, "window 0: wealth fell to -0.1")


def test_stitched_windows_follow_one_another() -> None:
    path = OutOfSamplePath.stitch([window_path([0.01, 0.02], 0.001), window_path([0.03], 0.002)])
    np.testing.assert_array_equal(path.returns, [0.01, 0.02, 0.03])
    np.testing.assert_array_equal(path.costs, [0.001, 0.001, 0.002])
    np.testing.assert_array_equal(path.borrow, [0.0005, 0.0005, 0.001])
    np.testing.assert_allclose(path.turnover, [0.01, 0.01, 0.02])
    assert len(path.windows) == 2
