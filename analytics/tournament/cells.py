"""One cell of the tournament: an engine, a risk profile and a simulator.

See docs/method/09-tournament.md#9.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from analytics._typing import FloatVector
from analytics.tournament.engines import FAILED, OK, UNSUPPORTED, Decision
from analytics.tournament.simulators import WindowPath


@dataclass(frozen=True, slots=True)
class Concentration:
    """How many bets one decision makes; NaN where it holds nothing."""

    hhi: float
    effective_bets: float


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """The stitched out-of-sample path; vectors over all tested sessions."""

    returns: FloatVector
    turnover: FloatVector
    costs: FloatVector
    borrow: FloatVector
    windows: tuple[WindowPath, ...]

    @classmethod
    def stitch(cls, windows: Sequence[WindowPath]) -> Path:
        """Join the test windows, one after the other."""
        return cls(
            returns=np.concatenate([window.returns for window in windows]),
            turnover=np.concatenate([window.turnover for window in windows]),
            costs=np.concatenate([window.costs for window in windows]),
            borrow=np.concatenate([window.borrow for window in windows]),
            windows=tuple(windows),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """Status, decisions and path of one cell; a cell that is not `ok` has no path and is never filled."""

    engine: str
    risk_profile: str
    simulator: str
    status: str
    message: str | None
    decisions: tuple[Decision, ...]
    concentrations: tuple[Concentration, ...]
    path: Path | None = None

    @classmethod
    def of(
        cls, engine: str, risk_profile: str, simulator: str, answers: Sequence[tuple[Decision, Concentration]]
    ) -> Cell:
        """Judge the answers of all windows: one refusal leaves a hole that no series can bridge, so the cell has it.

        The message counts the refused windows and quotes the first; else it counts solutions shown as another status.
        """
        decisions = tuple(decision for decision, _ in answers)
        status, message = OK, None
        refused = [(number, item) for number, item in enumerate(decisions) if not item.is_usable]
        noted = [(number, item) for number, item in enumerate(decisions) if item.is_usable and item.status != OK]
        if refused:
            statuses = {item.status for _, item in refused}
            status = UNSUPPORTED if statuses == {UNSUPPORTED} else FAILED
            number, first = next((pair for pair in refused if pair[1].status == status), refused[0])
            message = (
                f"{status} in {len(refused)} of {len(decisions)} windows, first in window {number}: {first.message}"
            )
        elif noted:
            number, first = noted[0]
            message = f"{first.status} in {len(noted)} of {len(decisions)} windows, first in window {number}"
        concentrations = tuple(concentration for _, concentration in answers)
        return cls(engine, risk_profile, simulator, status, message, decisions, concentrations)

    @property
    def name(self) -> str:
        """`engine/risk profile`."""
        return f"{self.engine}/{self.risk_profile}"

    @property
    def is_usable(self) -> bool:
        """Whether every window has a portfolio."""
        return self.status == OK

    def holds_only(self, symbol: str) -> bool:
        """Whether no window holds anything else, so that the cell is that instrument and no choice."""
        return all(set(decision.symbols) <= {symbol} for decision in self.decisions)

    def failed(self, message: str) -> Cell:
        """The cell after a simulation that could not be finished."""
        return replace(self, status=FAILED, message=message, path=None)

    def played(self, path: Path) -> Cell:
        """The cell with its path."""
        return replace(self, path=path)
