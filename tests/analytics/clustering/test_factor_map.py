"""Classical scaling of distances and the factor map."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from analytics.clustering.clusters import cluster_instruments
from analytics.clustering.factor_map import classical_scaling, factor_map


def test_points_of_a_plane_are_recovered_up_to_rotation() -> None:
    points = np.random.default_rng(0).normal(size=(12, 2))
    coordinates, explained = classical_scaling(squareform(pdist(points)))
    np.testing.assert_allclose(pdist(coordinates), pdist(points), atol=1e-9)
    assert explained.sum() == pytest.approx(1.0)
    assert explained[0] >= explained[1]
    np.testing.assert_allclose(coordinates.mean(axis=0), 0.0, atol=1e-9)


def test_two_instruments_lie_on_one_axis() -> None:
    coordinates, explained = classical_scaling(np.array([[0.0, 0.6], [0.6, 0.0]]))
    np.testing.assert_allclose(np.sort(coordinates[:, 0]), [-0.3, 0.3], atol=1e-12)
    np.testing.assert_allclose(coordinates[:, 1], 0.0, atol=1e-7)
    np.testing.assert_allclose(explained, [1.0, 0.0], atol=1e-12)


def test_the_map_does_not_depend_on_order_and_sets_groups_apart() -> None:
    rng = np.random.default_rng(3)
    returns = 0.01 * (np.repeat(rng.normal(size=(200, 2)), 4, axis=1) + 0.4 * rng.normal(size=(200, 8)))
    names = [f"X:{i}" for i in range(8)]
    base = factor_map(cluster_instruments(returns, names, np.ones(8), threshold=0.6))
    order = rng.permutation(8)
    moved = factor_map(cluster_instruments(returns[:, order], [names[i] for i in order], np.ones(8), threshold=0.6))
    assert moved.points.equals(base.points)
    assert base.points.columns == ["symbol", "cluster_id", "x", "y"]
    for axis in ("x", "y"):
        values = base.points[axis].to_numpy()
        assert values[np.abs(values).argmax()] > 0.0
    first, second = base.points["x"].to_numpy()[:4], base.points["x"].to_numpy()[4:]
    assert first.max() < second.min() or second.max() < first.min()
    assert 0.0 < sum(base.explained) <= 1.0
