"""The market stream, the regime detected from it, and its rows in results.regimes.

See docs/method/07-regime.md.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.regime.components import average_correlation, market_stream
from analytics.regime.detection import RegimeHistory, detect_regime
from lakefolio.errors import LakefolioError
from lakefolio.runs.grid_returns import GridReturns, benchmark_symbol, read_panel
from lakefolio.runs.run import Run
from lakehouse.connection.catalog import Lake


def read_market(run: Run, panel: GridReturns, pool: pl.DataFrame) -> NDArray[np.float64]:
    """Read the market stream on the panel's grid: the benchmark, or the liquidity-weighted pool where there is none.

    Parameters
    ----------
    pool
        Columns symbol and value_traded_usd, at least the panel's symbols.
    """
    if run.settings.benchmark:
        return read_panel(run.lake, [benchmark_symbol(run.lake, run.run_id)], run.as_of).returns[:, 0]
    liquidity = dict(zip(pool["symbol"], pool["value_traded_usd"].fill_null(0.0), strict=True))
    return market_stream(panel.returns, np.array([liquidity[symbol] for symbol in panel.symbols]))


def stream_kind(run: Run) -> str:
    """Kind of the market stream, which names the prior of its volatility: the benchmark's asset class, or `pool`."""
    if not run.settings.benchmark:
        return "pool"
    symbol = benchmark_symbol(run.lake, run.run_id)
    rows = run.lake.rows(
        "select asset_class from marts.instruments where run_id = ? and symbol = ?", [run.run_id, symbol]
    )
    return str(rows[0][0])


def detect_run_regime(run: Run, market: NDArray[np.float64], panel: GridReturns) -> tuple[RegimeHistory, str]:
    """Detect the regime of every session, and the last one's, from the whole market stream.

    The pool's average correlation is stored beside it and decides nothing.

    Raises
    ------
    LakefolioError
        The last session has no regime, because the market stream is too short.
    """
    history = detect_regime(
        market,
        kind=stream_kind(run),
        past_average_correlation=average_correlation(panel.returns),
        settings=run.settings.regime,
        flags=run.settings.flags,
    )
    now = history.regimes[-1]
    if now is None:
        raise LakefolioError("the last session has no regime: the market stream is shorter than one window")
    return history, now


def regime_rows(history: RegimeHistory, panel: GridReturns, stage: str) -> pl.DataFrame:
    """Rows of `results.regimes`, from the first session that has one."""
    return history.frame(panel.session_dates).with_columns(pl.lit(stage).alias("stage"))


def read_regime(lake: Lake, run_id: str) -> str:
    """Read the decision regime of the run's last session."""
    rows = lake.rows(
        "select regime from results.regimes where run_id = ? and stage = 'full' order by session_date desc limit 1",
        [run_id],
    )
    if not rows:
        raise LakefolioError("the run has no regime: --start-step regime")
    return str(rows[0][0])
