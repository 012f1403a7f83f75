"""Trees of known distances, their cuts and the correlations inside.

See docs/method/04-clusters.md#4.1.
"""

from __future__ import annotations

import numpy as np
import pytest

from analytics.clustering.linkage import cut_tree, implied_correlations, linkage_tree
from analytics.errors import InputError

# Leaves 1 and 3 are near each other, 0 is farther, 2 and 4 form a second pair.
DISTANCE = np.array(
    [
        [0.0, 0.5, 0.9, 0.5, 0.9],
        [0.5, 0.0, 0.9, 0.1, 0.9],
        [0.9, 0.9, 0.0, 0.9, 0.2],
        [0.5, 0.1, 0.9, 0.0, 0.9],
        [0.9, 0.9, 0.2, 0.9, 0.0],
    ]
)


def test_the_tree_joins_the_nearest_first() -> None:
    tree = linkage_tree(DISTANCE, "average")
    np.testing.assert_allclose(tree, [[1, 3, 0.1, 2], [2, 4, 0.2, 2], [0, 5, 0.5, 3], [6, 7, 0.9, 5]])


@pytest.mark.parametrize(
    ("height", "ids"),
    [
        (0.05, [1, 2, 3, 4, 5]),
        (0.1, [2, 1, 3, 1, 4]),
        (0.3, [3, 1, 2, 1, 2]),
        (0.6, [1, 1, 2, 1, 2]),
        (0.9, [1, 1, 1, 1, 1]),
    ],
)
def test_clusters_are_numbered_by_size_then_by_their_first_leaf(height: float, ids: list[int]) -> None:
    assert cut_tree(linkage_tree(DISTANCE, "average"), height).tolist() == ids


@pytest.mark.parametrize("height", [0.0, -1.0, np.nan, np.inf])
def test_a_height_that_is_not_positive_is_refused(height: float) -> None:
    with pytest.raises(InputError, match="must be a positive number"):
        cut_tree(linkage_tree(DISTANCE, "average"), height)


def test_implied_correlations_leave_out_unknown_pairs_and_single_leaves() -> None:
    correlation = np.array(
        [
            [1.0, 0.8, np.nan, 0.1],
            [0.8, 1.0, 0.4, 0.1],
            [np.nan, 0.4, 1.0, 0.1],
            [0.1, 0.1, 0.1, 1.0],
        ]
    )
    lowest, mean = implied_correlations(correlation, np.array([1, 1, 1, 2]))
    np.testing.assert_allclose(lowest, [0.4, np.nan])
    np.testing.assert_allclose(mean, [0.6, np.nan])
