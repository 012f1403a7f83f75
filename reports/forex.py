"""Render the page of the forex audit: map and clusters of the pairs, grouped by quote currency."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from reports.drawing import charts
from reports.render import template


def render_forex(pairs: pl.DataFrame, facts: Mapping[str, Any]) -> str:
    """Render `clusters.html` as one file without external resources.

    Parameters
    ----------
    pairs : pl.DataFrame
        One row for each pair: symbol, identity, quote, venue, value_traded_usd, cluster_id, label, mean_correlation,
        x, y.
    facts : mapping
        run_id, as_of, source, is_simulated.
    """
    points = pairs.sort("cluster_id", "symbol").with_columns(
        pl.col("x").mean().over("cluster_id").alias("cluster_x"),
        pl.col("y").mean().over("cluster_id").alias("cluster_y"),
        pl.lit(1).alias("direction"),
        pl.lit("fx").alias("asset_class"),
    )
    blocks = points.group_by("quote").agg(
        pl.len().alias("n_pairs"),
        pl.col("value_traded_usd").sum(),
        pl.col("identity").sort().str.join(", ").alias("pairs"),
    )
    text = template("forex_clusters.html").render(
        facts=facts, map=charts.factor_map(points), pairs=points.to_dicts(),
        blocks=blocks.sort("n_pairs", "quote", descending=[True, False]).to_dicts(),
    )  # fmt: skip
    return text.rstrip() + "\n"
