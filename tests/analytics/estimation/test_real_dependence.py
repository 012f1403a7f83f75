"""Clusters and covariance of the real market: near twins share a cluster, unusable series are named."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from analytics.clustering.cluster_stability import cluster_drift, threshold_sensitivity
from analytics.clustering.clusters import Clustering, cluster_instruments, default_threshold
from analytics.errors import InputError
from analytics.estimation.covariance import estimate_covariance

ROOT = Path(__file__).resolve().parents[3]
MARKET = Path(os.environ.get("LAKEFOLIO_REAL_DATA", ROOT.parent / "shared" / "data")) / "market.parquet"

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not MARKET.exists(), reason=f"no real market data at {MARKET}"),
]


@pytest.fixture(scope="module")
def market() -> tuple[np.ndarray, list[str]]:
    """Returns of the last 252 weekday sessions to 2026-02-05, crypto weekends compounded into Mondays."""
    bars = (
        pl.scan_parquet(MARKET)
        .with_columns(pl.col("date").cast(pl.Date), pl.coalesce("adj_close", "close").alias("price"))
        .filter(pl.col("date").is_between(date(2024, 12, 1), date(2026, 2, 5)), pl.col("price") > 0)
        .with_columns(pl.concat_str("venue", "symbol", separator=":"))
        .select("venue", "date", "price")
        .collect()
    )
    days = bars.group_by("date").len().filter(pl.col("len") > 300)["date"]
    prices = bars.filter(pl.col("date").is_in(days.implode())).pivot(on="venue", index="date", values="price")
    prices = prices.sort("date").tail(253)
    symbols = [name for name in prices.columns if name != "date"]
    values = prices.select(symbols).to_numpy().astype(np.float64)
    return values[1:] / values[:-1] - 1.0, symbols


@pytest.fixture(scope="module")
def clustering(market: tuple[np.ndarray, list[str]]) -> Clustering:
    returns, symbols = market
    return cluster_instruments(
        returns, symbols, np.ones(len(symbols)), threshold=default_threshold("NORMAL"), unusable="exclude"
    )


@pytest.mark.parametrize(
    "together",
    [
        ("US:GOOG", "US:GOOGL"),
        ("BINANCE:BTCUSDT", "BINANCE_USDM:BTCUSDT.P"),
        ("BINANCE:ETHUSDT", "BINANCE_USDM:ETHUSDT.P"),
        ("US:SPY", "US:VTI"),
        ("US:CVX", "US:XOM"),
    ],
)
def test_near_twins_share_a_cluster(clustering: Clustering, together: tuple[str, str]) -> None:
    ids = dict(zip(clustering.symbols, clustering.cluster_ids.tolist(), strict=True))
    assert ids[together[0]] == ids[together[1]] > 0


def test_a_pegged_currency_is_refused_or_excluded_by_name(
    market: tuple[np.ndarray, list[str]], clustering: Clustering
) -> None:
    returns, symbols = market
    assert dict(clustering.excluded)["ECB:EURBGN"] == "constant series"
    pair = [symbols.index("ECB:EURBGN"), symbols.index("US:SPY")]
    with pytest.raises(InputError, match="ECB:EURBGN"):
        cluster_instruments(returns[:, pair], [symbols[i] for i in pair], [1, 1], threshold=0.4)


def test_everything_that_is_reported_is_finite(market: tuple[np.ndarray, list[str]], clustering: Clustering) -> None:
    returns, _ = market
    assert np.isfinite(clustering.distance).all()
    assert threshold_sensitivity(clustering)["mean_intra_correlation"].null_count() == 0
    drift = cluster_drift(returns, clustering, np.ones(len(clustering.symbols)))
    assert 0.3 < drift.adjusted_rand < 1.0
    kept = returns[:, clustering.kept]
    estimate = estimate_covariance(kept, periods_per_year=252, names=clustering.leaf_symbols)
    np.linalg.cholesky(estimate.matrix)
    assert 0.0 < (estimate.shrinkage or 0.0) < 1.0
