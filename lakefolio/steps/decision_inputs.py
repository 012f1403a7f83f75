"""What the study's steps read from the lake, and the rows they write back."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.clustering.cluster_rows import cluster_rows
from analytics.clustering.clusters import Clustering
from analytics.clustering.labels import label_clusters
from analytics.clustering.subclusters import subclusters
from analytics.policy import SelectedInstruments
from analytics.regime.components import COMPONENTS, average_correlation, market_stream
from analytics.regime.detection import RegimeHistory, detect_regime
from lakefolio.config.decision_settings import regime_settings_of
from lakefolio.errors import LakefolioError
from lakefolio.runs.grid_returns import GridReturns, benchmark_symbol, read_panel
from lakefolio.runs.run import Run
from lakehouse.connection.catalog import Lake


def read_candidates(lake: Lake, run_id: str) -> pl.DataFrame:
    """The run's candidates with the health of their light window, by symbol.

    Raises
    ------
    LakefolioError
        There is none.
    """
    candidates = lake.query(
        "select candidates.*, health.status as health_status from marts.candidates as candidates "
        "left join results.health as health on health.symbol = candidates.symbol and health.run_id = candidates.run_id "
        "and health.stage = 'light' where candidates.run_id = ? order by candidates.symbol",
        [run_id],
    )
    if candidates.is_empty():
        raise LakefolioError("the scanners found no candidate: see raw.scans and the thresholds in configs/presets")
    return candidates


def read_chosen(lake: Lake, run_id: str) -> SelectedInstruments:
    """The winners of the run."""
    return SelectedInstruments.of(lake.query("select * from results.selection where run_id = ?", [run_id]))


def read_instruments(lake: Lake) -> pl.DataFrame:
    """Metadata of every instrument in the source's scope."""
    return lake.query("select * from marts.instruments order by symbol")


def read_terms(lake: Lake, as_of: date) -> pl.DataFrame:
    """Venue, lot, last close and its worth in USD, for orders; null where it is not known."""
    return lake.query(
        "with newest as (select symbol, arg_max(close, session_date) as last_price, max(session_date) as session_date "
        "from marts.bars_daily where session_date <= ? group by symbol) "
        "select instruments.symbol, instruments.venue, instruments.lot_size, newest.last_price, "
        "case when currencies.is_usd_pegged then 1.0 else rates.usd_rate end as usd_per_quote "
        "from marts.instruments as instruments left join newest on instruments.symbol = newest.symbol "
        "left join seeds.quote_currencies as currencies on instruments.currency = currencies.currency "
        "left join intermediate.int_usd_rates as rates on instruments.currency = rates.currency "
        "and newest.session_date = rates.session_date order by instruments.symbol",
        [as_of],
    )


def read_regime(lake: Lake, run_id: str) -> str:
    """The decision regime of the run's last session."""
    rows = lake.rows(
        "select regime from results.regimes where run_id = ? and stage = 'full' order by session_date desc limit 1",
        [run_id],
    )
    if not rows:
        raise LakefolioError("the run has no regime: --start-step regime")
    return str(rows[0][0])


def read_market(lake: Lake, run: Run, panel: GridReturns, pool: pl.DataFrame) -> NDArray[np.float64]:
    """The market stream on the panel's grid: the benchmark, or the liquidity-weighted pool where there is none.

    Parameters
    ----------
    pool
        Columns symbol and value_traded_usd, at least the panel's symbols.
    """
    if run.settings.benchmark:
        return read_panel(lake, [benchmark_symbol(lake)], run.as_of).returns[:, 0]
    liquidity = dict(zip(pool["symbol"], pool["value_traded_usd"].fill_null(0.0), strict=True))
    return market_stream(panel.returns, np.array([liquidity[symbol] for symbol in panel.symbols]))


def judge_regime(run: Run, market: NDArray[np.float64], panel: GridReturns) -> tuple[RegimeHistory, str]:
    """The regime of every session, and the last one's, from the market stream and the pool's co-movement.

    See docs/method/07-regime.md.

    Raises
    ------
    LakefolioError
        The last session has no regime, because the market stream is too short.
    """
    history = detect_regime(
        market,
        past_average_correlation=average_correlation(panel.returns),
        settings=regime_settings_of(run.settings),
        rng=run.rng("regime"),
    )
    now = history.regimes[-1]
    if now is None:
        raise LakefolioError("the last session has no regime: the market stream is shorter than one window")
    return history, now


def regime_rows(history: RegimeHistory, panel: GridReturns, stage: str) -> pl.DataFrame:
    """Rows of `results.regimes`, from the first session that could be judged."""
    columns = {
        "session_date": panel.session_dates,
        "regime": history.regimes,
        "score": history.scores,
        **{name: history.components[name] for name in COMPONENTS},
        **{f"{name}_percentile": history.percentiles[name] for name in COMPONENTS},
        "calibration": history.calibrations,
    }
    frame = pl.DataFrame(columns).with_columns(pl.lit(stage).alias("stage"))
    return frame.filter(pl.col("regime").is_not_null()).with_columns(pl.selectors.float().fill_nan(None))


def describe_clusters(clustering: Clustering, instruments: pl.DataFrame, stage: str, regime: str) -> pl.DataFrame:
    """Rows of `results.clusters`: clusters, sub-clusters and labels."""
    identities = dict(zip(instruments["symbol"], instruments["identity"], strict=True))
    within = {symbol: identities[symbol] for symbol in clustering.symbols}
    labels = label_clusters(clustering, instruments.filter(pl.col("symbol").is_in(clustering.symbols)))
    return cluster_rows(clustering, labels, subclusters(clustering, identities=within), stage=stage, regime=regime)


def require_reported_cut(clustering: Clustering, stored: pl.DataFrame) -> None:
    """The cut that is reported is the cut that is used.

    See docs/method/04-clusters.md#4.1.
    """
    reported: dict[str, int] = dict(zip(stored["symbol"], stored["cluster_id"], strict=True))
    used = dict(zip(clustering.symbols, (int(value) for value in clustering.cluster_ids), strict=True))
    if reported != used:
        differing = sorted(
            symbol for symbol in used.keys() | reported.keys() if used.get(symbol) != reported.get(symbol)
        )
        raise LakefolioError(
            f"results.clusters is not the cut in use ({', '.join(differing[:5])}): --start-step regime"
        )
