"""Cells of the tournament: the decisions and returns of one engine, risk profile and simulator.

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
    """Concentration of one decision; NaN where it holds nothing.

    Attributes
    ----------
    hhi : float
        Herfindahl-Hirschman index of the gross weights.
    effective_bets : float
        Effective number of uncorrelated bets.
    """

    hhi: float
    effective_bets: float


@dataclass(frozen=True, slots=True, eq=False)
class OutOfSamplePath:
    """Stitched out-of-sample series of one cell.

    Attributes
    ----------
    returns, turnover, costs, borrow, gross_returns, gross_exposure, net_exposure, wealth : (T,)
        Of all tested sessions, as in `WindowPath`.
    windows : tuple of WindowPath
        The test windows, in order.
    """

    returns: FloatVector
    turnover: FloatVector
    costs: FloatVector
    borrow: FloatVector
    gross_returns: FloatVector
    gross_exposure: FloatVector
    net_exposure: FloatVector
    wealth: FloatVector
    windows: tuple[WindowPath, ...]

    @classmethod
    def stitch(cls, windows: Sequence[WindowPath]) -> OutOfSamplePath:
        """Join the test windows in order."""
        return cls(
            returns=np.concatenate([window.returns for window in windows]),
            turnover=np.concatenate([window.turnover for window in windows]),
            costs=np.concatenate([window.costs for window in windows]),
            borrow=np.concatenate([window.borrow for window in windows]),
            gross_returns=np.concatenate([window.gross_returns for window in windows]),
            gross_exposure=np.concatenate([window.gross_exposure for window in windows]),
            net_exposure=np.concatenate([window.net_exposure for window in windows]),
            wealth=np.concatenate([window.wealth for window in windows]),
            windows=tuple(windows),
        )


@dataclass(frozen=True, slots=True, eq=False)
class TournamentCell:
    """Status, decisions and out-of-sample path of one engine, risk profile and simulator.

    Attributes
    ----------
    status : str
        `ok`, `unsupported` or `failed`.
    message : str or None
    decisions, concentrations : tuple
        One for each window.
    path : OutOfSamplePath or None
        None for a cell that is not `ok` and before the simulation.

    Examples
    --------
    >>> decision = Decision.refused(FAILED, "the caps hold at most 0.75")
    >>> cell = TournamentCell.of("ours", "hrp", "realized", [(decision, Concentration(float("nan"), float("nan")))])
    >>> cell.status, cell.message
    ('failed', 'failed in 1 of 1 windows, first in window 0: the caps hold at most 0.75')
    """

    engine: str
    risk_profile: str
    simulator: str
    status: str
    message: str | None
    decisions: tuple[Decision, ...]
    concentrations: tuple[Concentration, ...]
    path: OutOfSamplePath | None = None

    @classmethod
    def of(
        cls, engine: str, risk_profile: str, simulator: str, decided: Sequence[tuple[Decision, Concentration]]
    ) -> TournamentCell:
        """Summarise the decisions of all windows in one cell.

        One refused window makes the whole cell unusable, because the stitched series would have a gap. The message
        counts the refused windows and quotes the first, or counts the solutions that are not shown as `ok`.
        """
        decisions = tuple(decision for decision, _ in decided)
        status, message = OK, None
        refused = [(number, item) for number, item in enumerate(decisions) if not item.is_usable]
        relabelled = [(number, item) for number, item in enumerate(decisions) if item.is_usable and item.status != OK]
        if refused:
            statuses = {item.status for _, item in refused}
            status = UNSUPPORTED if statuses == {UNSUPPORTED} else FAILED
            number, first = next((pair for pair in refused if pair[1].status == status), refused[0])
            message = (
                f"{status} in {len(refused)} of {len(decisions)} windows, first in window {number}: {first.message}"
            )
        elif relabelled:
            number, first = relabelled[0]
            message = f"{first.status} in {len(relabelled)} of {len(decisions)} windows, first in window {number}"
        concentrations = tuple(concentration for _, concentration in decided)
        return cls(engine, risk_profile, simulator, status, message, decisions, concentrations)

    @property
    def name(self) -> str:
        """`engine/risk profile`."""
        return f"{self.engine}/{self.risk_profile}"

    @property
    def is_usable(self) -> bool:
        """True where every window has a portfolio."""
        return self.status == OK

    def holds_only(self, symbol: str) -> bool:
        """True where no window holds anything other than the symbol, so that the cell counts as no trial."""
        return all(set(decision.symbols) <= {symbol} for decision in self.decisions)

    def failed(self, message: str) -> TournamentCell:
        """Return the cell as failed, because its simulation could not be finished."""
        return replace(self, status=FAILED, message=message, path=None)

    def simulated(self, path: OutOfSamplePath) -> TournamentCell:
        """Return the cell with its path."""
        return replace(self, path=path)
