"""Clusters of planted groups, against SciPy.

See docs/method/04-clusters.md#4.1.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from analytics.clustering.cluster_stability import adjusted_rand
from analytics.clustering.clusters import DEFAULT_THRESHOLDS, Clustering, cluster_instruments, default_threshold, recut
from analytics.errors import InputError

SIZES = (7, 4, 4, 2)


def planted(seed: int = 0, n_sessions: int = 210, noise: float = 0.35) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Four groups of 7, 4, 4 and 2 instruments that share a factor each."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(len(SIZES)), SIZES)
    factors = rng.normal(size=(n_sessions, len(SIZES)))
    returns = 0.01 * (factors[:, truth] + noise * rng.normal(size=(n_sessions, truth.size)))
    return returns, [f"X:{chr(65 + group)}{i:02d}" for i, group in enumerate(truth)], truth


def clustered(**options: object) -> Clustering:
    returns, symbols, _ = planted()
    return cluster_instruments(returns, symbols, np.ones(len(symbols)), **{"threshold": 0.5, **options})


def test_thresholds_by_regime() -> None:
    assert dict(DEFAULT_THRESHOLDS) == {"CRISIS": 0.30, "TURBULENT": 0.35, "NORMAL": 0.40, "QUIET": 0.50}
    assert default_threshold("CRISIS") == 0.30
    with pytest.raises(InputError, match="PANIC"):
        default_threshold("PANIC")


@pytest.mark.parametrize("method", ["ward", "average", "complete", "single"])
def test_planted_groups_are_found(method: str) -> None:
    _, _, truth = planted()
    clustering = clustered(method=method)
    assert adjusted_rand(clustering.cluster_ids, truth) == 1.0
    assert clustering.n_clusters == 4


def test_clusters_are_numbered_by_size_then_smallest_symbol() -> None:
    clustering = clustered()
    assert clustering.members(1)[0] == "X:A00"
    assert clustering.members(2)[0] == "X:B07"
    assert clustering.members(3)[0] == "X:C11"
    assert len(clustering.members(4)) == 2
    with pytest.raises(InputError, match="no cluster 5"):
        clustering.members(5)
    with pytest.raises(InputError, match="no cluster 0"):
        clustering.members(0)


@pytest.mark.parametrize("method", ["ward", "average", "complete", "single"])
def test_linkage_and_cut_equal_scipy_on_the_defined_distance(method: str) -> None:
    returns, symbols, _ = planted()
    distance = np.mean(
        [np.sqrt((1.0 - np.clip(np.corrcoef(returns[-n:].T), -1, 1)) / 2.0) for n in (60, 120, 200)], axis=0
    )
    np.fill_diagonal(distance, 0.0)
    reference = hierarchy.linkage(squareform(distance, checks=False), method=method)
    clustering = clustered(method=method, threshold=0.45)
    np.testing.assert_allclose(clustering.linkage, reference, rtol=0, atol=1e-10)
    cut = hierarchy.fcluster(reference, 0.45, criterion="distance")
    assert adjusted_rand(clustering.cluster_ids, cut) == 1.0
    order = sorted(range(len(symbols)), key=lambda index: clustering.leaf_order[index])
    np.testing.assert_array_equal(order, hierarchy.leaves_list(reference))


def test_the_cut_that_is_reported_is_the_cut_that_is_used() -> None:
    heights = [(cut, clustered(threshold=cut)) for cut in (0.1, 0.24, 0.6, 2.0)]
    counts = [clustering.n_clusters for _, clustering in heights]
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) == 4
    for cut, clustering in heights:
        assert clustering.threshold == cut
        raw = hierarchy.fcluster(clustering.linkage, cut, criterion="distance")
        assert clustering.n_clusters == raw.max()
    again = recut(heights[0][1], 0.6)
    np.testing.assert_array_equal(again.cluster_ids, heights[2][1].cluster_ids)
    with pytest.raises(InputError, match="cut height"):
        recut(again, 0.0)


def test_implied_correlations_are_those_of_the_members() -> None:
    clustering = clustered(threshold=0.5)
    ids, correlation = clustering.leaf_cluster_ids, clustering.correlation
    for cluster in range(1, 5):
        rows = np.flatnonzero(ids == cluster)
        pairs = [correlation[i, j] for i in rows for j in rows if i < j]
        assert clustering.min_correlation[cluster - 1] == pytest.approx(min(pairs), rel=1e-12)
        assert clustering.mean_correlation[cluster - 1] == pytest.approx(sum(pairs) / len(pairs), rel=1e-12)
    singles = clustered(threshold=1e-3)
    assert np.isnan(singles.mean_correlation).all()


@given(st.integers(0, 1000), st.randoms(use_true_random=False), st.booleans())
@settings(max_examples=25, deadline=None)
def test_permuting_instruments_permutes_the_answer_bit_for_bit(seed: int, shuffler: object, has_gaps: bool) -> None:
    returns, symbols, _ = planted(seed, 130, 0.8)
    returns[:, 5] = returns[:, 4]
    directions = np.where(np.arange(len(symbols)) % 3 == 0, -1, 1)
    if has_gaps:
        returns[np.random.default_rng(seed).random(returns.shape) < 0.05] = np.nan
        returns[:118, 2] = np.nan
    order = list(range(len(symbols)))
    shuffler.shuffle(order)
    base = cluster_instruments(returns, symbols, directions, threshold=0.45)
    moved = cluster_instruments(returns[:, order], [symbols[i] for i in order], directions[order], threshold=0.45)
    np.testing.assert_array_equal(moved.cluster_ids, base.cluster_ids[order])
    np.testing.assert_array_equal(moved.leaf_order, base.leaf_order[order])
    np.testing.assert_array_equal(moved.linkage, base.linkage)
    assert moved.leaf_symbols == base.leaf_symbols
    assert moved.excluded == base.excluded
    assert bool(base.excluded) == has_gaps


def test_scaling_returns_changes_no_cluster() -> None:
    returns, symbols, _ = planted()
    scaled = cluster_instruments(returns * 37.0, symbols, np.ones(len(symbols)), threshold=0.5)
    np.testing.assert_array_equal(scaled.cluster_ids, clustered().cluster_ids)


def test_a_short_leaves_the_cluster_of_its_longs() -> None:
    returns, symbols, _ = planted()
    directions = np.ones(len(symbols))
    directions[0] = -1
    clustering = cluster_instruments(returns, symbols, directions, threshold=0.5)
    assert clustering.members(clustering.cluster_ids[0]) == ("X:A00",)


def test_a_sparse_instrument_gets_cluster_zero_and_a_reason() -> None:
    returns, symbols, _ = planted()
    returns[:-10, 3] = np.nan
    clustering = cluster_instruments(returns, symbols, np.ones(len(symbols)), threshold=0.5)
    assert clustering.cluster_ids[3] == 0
    assert clustering.leaf_order[3] == -1
    assert clustering.excluded == (("X:A03", "sparse overlap: 16 of 16 pairs unknown"),)
    assert clustering.distance.shape == (16, 16)
    assert "X:A03" not in clustering.leaf_symbols


def test_unusable_instruments_are_excluded_with_a_reason_only_when_asked() -> None:
    returns, symbols, _ = planted()
    returns[:, 0], returns[:, 1] = np.nan, 0.0
    with pytest.raises(InputError, match=r"X:A00 .no returns.*X:A01 .constant"):
        cluster_instruments(returns, symbols, np.ones(len(symbols)), threshold=0.5)
    clustering = cluster_instruments(returns, symbols, np.ones(len(symbols)), threshold=0.5, unusable="exclude")
    assert clustering.excluded == (("X:A00", "no returns"), ("X:A01", "constant series"))
    assert clustering.cluster_ids[:2].tolist() == [0, 0]
    assert (clustering.cluster_ids[2:] > 0).all()


def test_an_unknown_pair_is_counted_and_has_the_distance_of_no_correlation() -> None:
    returns, symbols, _ = planted()
    returns[:105, 0] = np.nan
    returns[105:, 1] = np.nan
    clustering = cluster_instruments(returns, symbols, np.ones(len(symbols)), threshold=0.5, lookbacks=(200,))
    assert clustering.n_unknown_pairs == 1
    assert clustering.distance[0, 1] == pytest.approx(np.sqrt(0.5))
    assert np.isnan(clustering.correlation[0, 1])
    assert np.isfinite(clustering.mean_correlation).all()


def test_too_few_remaining_instruments_are_an_error_with_the_reasons() -> None:
    returns, symbols, _ = planted()
    returns = returns[:, :3].copy()
    returns[:105, 0] = np.nan
    returns[105:, 1:] = np.nan
    returns[5:, 2] = np.nan
    with pytest.raises(InputError, match="sparse overlap"):
        cluster_instruments(returns, symbols[:3], np.ones(3), threshold=0.5)


@pytest.mark.parametrize("options", [{"threshold": 0.0}, {"threshold": np.nan}, {"method": "median"}])
def test_settings_that_cannot_be_right_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(InputError):
        clustered(**options)
