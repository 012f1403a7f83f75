"""Sub-clusters: large clusters are divided, venues of one identity stay together."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from analytics.clustering.cluster_stability import adjusted_rand
from analytics.clustering.clusters import Clustering, cluster_instruments, recut
from analytics.clustering.subclusters import subclusters, zoom_cluster
from analytics.errors import InputError

SYMBOLS = [f"X:A{number:02d}" for number in range(7)] + ["X:B07", "X:B08"]


def seven_and_two(noise: float = 0.6) -> np.ndarray:
    """Returns of seven instruments with one factor and two with another."""
    rng = np.random.default_rng(0)
    factors = np.repeat(rng.normal(size=(210, 2)), (7, 2), axis=1)
    return 0.01 * (factors + noise * rng.normal(size=(210, 9)))


def clustered(returns: np.ndarray, threshold: float = 1.0) -> Clustering:
    return cluster_instruments(returns, SYMBOLS, np.ones(9), threshold=threshold)


def test_a_cluster_of_more_than_five_is_divided_and_smaller_ones_stay_whole() -> None:
    returns = seven_and_two()
    returns[:, 1:3] = returns[:, [0]] + 0.0005 * np.random.default_rng(9).normal(size=(210, 2))
    clustering = clustered(returns)
    assert [len(clustering.members(cluster_id)) for cluster_id in (1, 2)] == [7, 2]
    ids = subclusters(clustering)
    assert ids[0] == ids[1] == ids[2] == 1
    assert ids[:7].max() > 1
    assert ids[7:].tolist() == [1, 1]
    rows = np.flatnonzero(clustering.leaf_cluster_ids == 1)
    block = clustering.distance[np.ix_(rows, rows)]
    reference = hierarchy.fcluster(hierarchy.average(squareform(block, checks=False)), 0.2, criterion="distance")
    assert adjusted_rand(ids[:7], reference) == 1.0


def test_venues_of_one_identity_stay_together() -> None:
    clustering = clustered(seven_and_two(noise=0.9), threshold=1.5)
    identities = {"X:A00": "COIN", "X:A06": "COIN", "X:A03": "COIN"}
    apart = zoom_cluster(clustering, 1)
    together = zoom_cluster(clustering, 1, identities=identities)
    rows = [together.symbols.index(symbol) for symbol in identities]
    assert len(set(apart.subcluster_ids[rows].tolist())) == 3
    assert len(set(together.subcluster_ids[rows].tolist())) == 1
    ids = subclusters(clustering, identities=identities)
    assert ids[0] == ids[3] == ids[6]


def test_one_cluster_of_any_size_can_be_divided() -> None:
    clustering = clustered(seven_and_two())
    assert zoom_cluster(clustering, 1).height == 0.2
    assert zoom_cluster(clustering, 2, height=0.01).subcluster_ids.tolist() == [1, 2]
    single = zoom_cluster(recut(clustering, 1e-3), 1)
    assert single.subcluster_ids.tolist() == [1]
    assert single.linkage.shape == (0, 4)
    with pytest.raises(InputError, match="no cluster 9"):
        zoom_cluster(clustering, 9)


def test_excluded_instruments_have_no_subcluster() -> None:
    returns = seven_and_two()
    returns[:-10, 3] = np.nan
    assert subclusters(clustered(returns))[3] == 0
