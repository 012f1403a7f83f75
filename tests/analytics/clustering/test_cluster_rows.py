"""Rows of results.clusters and results.cluster_links."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from analytics.clustering.cluster_rows import cluster_rows, link_rows
from analytics.clustering.clusters import Clustering, cluster_instruments
from analytics.clustering.labels import label_clusters
from analytics.clustering.subclusters import subclusters

SYMBOLS = ["X:A", "X:B", "X:C", "X:D", "X:E"]


def one_cluster_and_a_sparse_instrument() -> Clustering:
    rng = np.random.default_rng(1)
    returns = 0.01 * (rng.normal(size=(100, 1)) + 0.3 * rng.normal(size=(100, 5)))
    returns[:-5, 2] = np.nan
    return cluster_instruments(returns, SYMBOLS, np.ones(5), threshold=0.4)


def rows_of(clustering: Clustering) -> pl.DataFrame:
    instruments = pl.DataFrame(
        {
            "symbol": SYMBOLS,
            "asset_class": ["equity"] * 5,
            "sector": ["Technology"] * 5,
            "value_traded_usd": [1.0] * 5,
        }
    )
    labels = label_clusters(clustering, instruments)
    return cluster_rows(clustering, labels, subclusters(clustering), stage="light", regime="NORMAL")


def test_every_instrument_has_a_row_in_the_order_of_the_input() -> None:
    rows = rows_of(one_cluster_and_a_sparse_instrument())
    assert rows.columns == [
        "stage", "symbol", "cluster_id", "subcluster_id", "leaf_order", "label", "purity", "threshold",
        "min_correlation", "mean_correlation", "linkage", "regime", "reason",
    ]  # fmt: skip
    assert rows["symbol"].to_list() == SYMBOLS
    assert sorted(rows["leaf_order"].drop_nulls().to_list()) == [0, 1, 2, 3]


def test_an_excluded_instrument_has_cluster_zero_and_its_reason() -> None:
    excluded = rows_of(one_cluster_and_a_sparse_instrument()).row(2, named=True)
    assert (excluded["cluster_id"], excluded["leaf_order"], excluded["label"]) == (0, None, None)
    assert excluded["reason"].startswith("sparse overlap")


def test_a_clustered_instrument_has_label_cut_and_correlations() -> None:
    clustering = one_cluster_and_a_sparse_instrument()
    row = rows_of(clustering).row(0, named=True)
    assert (row["cluster_id"], row["label"], row["threshold"], row["linkage"], row["reason"]) == (
        1, "equity Technology", 0.4, "ward", None,
    )  # fmt: skip
    assert row["mean_correlation"] == pytest.approx(clustering.mean_correlation[0])


def test_links_are_the_rows_of_the_tree() -> None:
    clustering = one_cluster_and_a_sparse_instrument()
    links = link_rows(clustering, stage="light")
    assert links.columns == ["stage", "link", "left_node", "right_node", "height", "size"]
    np.testing.assert_array_equal(links.drop("stage", "link").to_numpy(), clustering.linkage)
