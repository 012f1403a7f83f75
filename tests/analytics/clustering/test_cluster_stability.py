"""Threshold sensitivity and drift of clusters, recomputed by SciPy and scikit-learn.

See docs/method/04-clusters.md#4.4, 4.5.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform
from sklearn.metrics import adjusted_rand_score

from analytics.clustering.cluster_stability import (
    SENSITIVITY_THRESHOLDS,
    adjusted_rand,
    cluster_drift,
    threshold_sensitivity,
)
from analytics.clustering.clusters import cluster_instruments
from analytics.errors import InputError, ShortHistoryError

NAMES = [f"X:{i}" for i in range(9)]


def groups(n_sessions: int = 200, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    factors = np.repeat(rng.normal(size=(n_sessions, 3)), 3, axis=1)
    return 0.01 * (factors + 0.5 * rng.normal(size=(n_sessions, 9)))


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=60))
@settings(max_examples=150, deadline=None)
def test_adjusted_rand_equals_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    left, right = zip(*pairs, strict=True)
    assert adjusted_rand(left, right) == pytest.approx(adjusted_rand_score(left, right), abs=1e-12)


def test_adjusted_rand_of_known_partitions() -> None:
    assert adjusted_rand([1, 1, 2, 2], [7, 7, 3, 3]) == 1.0
    assert adjusted_rand([1, 1, 2, 2], [1, 2, 1, 2]) == pytest.approx(-0.5)
    assert adjusted_rand([1, 2, 3], [4, 5, 6]) == 1.0
    with pytest.raises(InputError):
        adjusted_rand([1, 2], [1, 2, 3])
    with pytest.raises(InputError):
        adjusted_rand([1], [1])


def test_sensitivity_recomputed_for_every_threshold() -> None:
    clustering = cluster_instruments(groups(), NAMES, np.ones(9), threshold=0.35)
    table = threshold_sensitivity(clustering)
    assert table["threshold"].to_list() == [
        0.10, 0.15, 0.20, 0.25, 0.30, 0.35, 0.40, 0.45, 0.50, 0.55, 0.60, 0.65, 0.70, 0.75, 0.80, 0.85, 0.90,
    ]  # fmt: skip
    assert table.filter("is_used")["threshold"].to_list() == [0.35]
    condensed = squareform(clustering.distance, checks=False)
    cophenetic, _ = hierarchy.cophenet(clustering.linkage, condensed)
    for row in table.iter_rows(named=True):
        ids = hierarchy.fcluster(clustering.linkage, row["threshold"], criterion="distance")
        inside = [clustering.correlation[i, j] for i in range(9) for j in range(i) if ids[i] == ids[j]]
        assert row["n_clusters"] == ids.max()
        assert row["largest_share"] == pytest.approx(np.bincount(ids).max() / 9)
        assert row["mean_intra_correlation"] == (pytest.approx(np.mean(inside)) if inside else None)
        assert row["cophenetic_correlation"] == pytest.approx(cophenetic)
    assert table["n_clusters"].to_list() == sorted(table["n_clusters"].to_list(), reverse=True)
    assert len(SENSITIVITY_THRESHOLDS) == 17


def test_sensitivity_ignores_unknown_pairs() -> None:
    returns = groups()
    returns[:100, 0], returns[100:, 1] = np.nan, np.nan
    clustering = cluster_instruments(returns, NAMES, np.ones(9), threshold=0.9, lookbacks=(200,))
    assert clustering.n_unknown_pairs == 1
    value = threshold_sensitivity(clustering, (5.0,))["mean_intra_correlation"].item()
    assert value == pytest.approx(np.nanmean(clustering.correlation[np.triu_indices(9, 1)]))


def test_drift_is_one_minus_the_cosine_of_the_halves() -> None:
    returns = groups()
    clustering = cluster_instruments(returns, NAMES, np.ones(9), threshold=0.6)
    drift = cluster_drift(returns, clustering, np.ones(9))
    assert drift.half_sessions == 100
    upper = np.triu_indices(3, 1)
    for cluster in (1, 2, 3):
        members = [NAMES.index(symbol) for symbol in clustering.members(cluster)]
        early, late = (np.corrcoef(part[:, members].T)[upper] for part in (returns[:100], returns[100:]))
        expected = 1.0 - early @ late / np.linalg.norm(early) / np.linalg.norm(late)
        assert drift.clusters["drift"][cluster - 1] == pytest.approx(expected, abs=1e-12)
    assert drift.clusters["is_alert"].to_list() == [False, False, False]
    assert (drift.adjusted_rand, drift.n_compared) == (1.0, 9)


def test_a_group_that_broke_up_is_an_alert() -> None:
    returns = groups()
    returns[100:, 2] = returns[100:, 3] + 0.05 * returns[100:, 2]
    clustering = cluster_instruments(groups(), NAMES, np.ones(9), threshold=0.6)
    drift = cluster_drift(returns, clustering, np.ones(9))
    assert drift.clusters["is_alert"].to_list() == [True, False, False]
    assert drift.clusters["drift"][0] > 0.3
    assert drift.adjusted_rand < 0.9


def test_a_single_instrument_has_no_drift() -> None:
    returns = groups()
    clustering = cluster_instruments(returns, NAMES, np.ones(9), threshold=0.01)
    drift = cluster_drift(returns, clustering, np.ones(9))
    assert drift.clusters["drift"].null_count() == 9
    assert not drift.clusters["is_alert"].any()


def test_an_instrument_known_in_one_half_only_is_not_compared() -> None:
    returns = groups()
    returns[:100, 4] = np.nan
    clustering = cluster_instruments(returns, NAMES, np.ones(9), threshold=0.6)
    assert cluster_drift(returns, clustering, np.ones(9)).n_compared == 8


def test_halves_shorter_than_the_overlap_are_refused() -> None:
    returns = groups(36)
    clustering = cluster_instruments(returns, NAMES, np.ones(9), threshold=0.6)
    with pytest.raises(ShortHistoryError, match="18 sessions"):
        cluster_drift(returns, clustering, np.ones(9))
