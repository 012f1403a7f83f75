"""Portfolios that a person accepted as held, marked to market to the run's session.

See docs/method/10-state-orders.md#10.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np
import polars as pl

from analytics.holdings import mark_to_market
from analytics.policy import HeldWeights
from lakefolio.errors import LakefolioError, UsageError
from lakefolio.runs.grid_returns import read_panel
from lakehouse.connection.catalog import Lake
from lakehouse.storage.writes import Write, write


@dataclass(frozen=True, slots=True)
class HeldPortfolio:
    """One accepted portfolio today; empty where none was accepted, which means cash.

    Attributes
    ----------
    net_weights
        Symbol to signed weight, drifted with the market since the acceptance.
    accepted_run : str or None
        The run whose portfolio was accepted.
    """

    net_weights: Mapping[str, float] = field(default_factory=dict)
    accepted_run: str | None = None

    def as_held(self) -> HeldWeights:
        """The holdings as the policy takes them."""
        return HeldWeights(dict(self.net_weights))


def held_portfolios(lake: Lake, risk_profiles: Sequence[str], source: str, as_of: date) -> dict[str, HeldPortfolio]:
    """The newest acceptance of each risk profile up to `as_of`, marked to market.

    Raises
    ------
    LakefolioError
        A held instrument has no price in the source, so that its drift would be invented.
    """
    return {risk_profile: _held(lake, risk_profile, source, as_of) for risk_profile in risk_profiles}


def accept_portfolio(lake: Lake, run_id: str, risk_profile: str | None, at: datetime) -> str:
    """Record the weights of a run, of one risk profile or of all, as held; returns what was accepted.

    Raises
    ------
    UsageError
        The run has no such portfolio, or its gate did not pass.
    """
    failed = lake.rows('select "check" from results.audit_checks where run_id = ? and not passed', [run_id])
    passed = lake.rows("select count(*) from results.audit_checks where run_id = ? and passed", [run_id])[0][0]
    if failed or not passed:
        raise UsageError(f"run {run_id} did not pass its audit, so its portfolio cannot be accepted")
    rows = lake.query(
        "select weights.run_id, weights.risk_profile, weights.symbol, weights.net_weight, runs.source, runs.as_of "
        "from results.weights as weights inner join scope.runs as runs on weights.run_id = runs.run_id "
        "where weights.run_id = ? and (? is null or weights.risk_profile = ?) and weights.sleeve <> 'cash'",
        [run_id, risk_profile, risk_profile],
    )
    if rows.is_empty():
        raise UsageError(f"run {run_id} has no portfolio {risk_profile or ''}".rstrip())
    accepted = rows.with_columns(pl.lit(at).cast(pl.Datetime("us")).alias("accepted_at"))
    write(lake, Write("results.holdings", accepted), run_id=run_id, step="accept")
    return ", ".join(sorted(set(rows["risk_profile"])))


def _held(lake: Lake, risk_profile: str, source: str, as_of: date) -> HeldPortfolio:
    rows = lake.query(
        "select run_id, symbol, net_weight, as_of from results.holdings where risk_profile = ? and source = ? and as_of <= ? "
        "qualify accepted_at = max(accepted_at) over () order by symbol",
        [risk_profile, source, as_of],
    )
    if rows.is_empty():
        return HeldPortfolio()
    symbols, accepted_on = rows["symbol"].to_list(), rows["as_of"][0]
    known = {
        symbol for (symbol,) in lake.rows("select distinct symbol from marts.bars_daily where source = ?", [source])
    }
    if missing := sorted(set(symbols) - known):
        raise LakefolioError(
            f"{', '.join(missing)} is held in {risk_profile} and has no price: fetch its bars, or accept anew"
        )
    panel = read_panel(lake, symbols, as_of)
    since = np.array([session > accepted_on for session in panel.session_dates])
    marked = mark_to_market(rows["net_weight"].to_numpy(), panel.returns[since], symbols=symbols)
    return HeldPortfolio(dict(zip(symbols, marked.weights.tolist(), strict=True)), str(rows["run_id"][0]))
