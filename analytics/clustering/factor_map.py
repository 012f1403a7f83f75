"""Map instruments on a plane by classical scaling of the clustering distance.

See docs/method/03-dependence.md#3.4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy import linalg

from analytics._typing import FloatMatrix
from analytics.clustering.clusters import Clustering


@dataclass(frozen=True, slots=True)
class FactorMap:
    """Coordinates of instruments and the share of the distances they show.

    Attributes
    ----------
    points : polars.DataFrame
        One row per clustered instrument in symbol order: symbol, cluster_id, x, y (in the unit of the distance).
    explained : tuple of two float
        Share of each axis in the sum of the positive eigenvalues, in [0, 1].
    """

    points: pl.DataFrame
    explained: tuple[float, float]


def factor_map(clustering: Clustering) -> FactorMap:
    """Map the clustered instruments on two dimensions.

    See docs/method/03-dependence.md#3.4.

    The signs of the axes are free; each is turned so that its largest coordinate is positive, which makes the map
    the same for any order of the instruments.

    Parameters
    ----------
    clustering : Clustering
        At least two clustered instruments.

    Returns
    -------
    FactorMap

    References
    ----------
    Torgerson, W. S. (1952). Multidimensional scaling: I. Theory and method. Psychometrika 17.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.clustering.clusters import cluster_instruments
    >>> from analytics.clustering.factor_map import factor_map
    >>> returns = 0.01 * np.random.default_rng(0).normal(size=(60, 3))
    >>> plane = factor_map(cluster_instruments(returns, ["A", "B", "C"], [1, 1, 1], threshold=0.4))
    >>> plane.points["symbol"].to_list()
    ['A', 'B', 'C']
    >>> round(sum(plane.explained), 3)
    1.0
    """
    coordinates, explained = classical_scaling(clustering.distance)
    points = pl.DataFrame(
        {
            "symbol": clustering.leaf_symbols,
            "cluster_id": clustering.leaf_cluster_ids,
            "x": coordinates[:, 0],
            "y": coordinates[:, 1],
        }
    )
    return FactorMap(points, (float(explained[0]), float(explained[1])))


def classical_scaling(distance: FloatMatrix, n_axes: int = 2) -> tuple[FloatMatrix, FloatMatrix]:
    """Find coordinates whose Euclidean distances come nearest to the given ones.

    Parameters
    ----------
    distance : (N, N)
        Symmetric, zero diagonal, finite.
    n_axes : int
        Number of dimensions.

    Returns
    -------
    coordinates : (N, n_axes)
        Axes by falling eigenvalue; 0 where fewer positive eigenvalues exist.
    explained : (n_axes,)
        Shares in the sum of the positive eigenvalues.

    References
    ----------
    Torgerson, W. S. (1952). Multidimensional scaling: I. Theory and method. Psychometrika 17.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.clustering.factor_map import classical_scaling
    >>> on_a_line = np.array([[0.0, 1.0, 3.0], [1.0, 0.0, 2.0], [3.0, 2.0, 0.0]])
    >>> coordinates, explained = classical_scaling(on_a_line, n_axes=1)
    >>> abs(coordinates.round(3))
    array([[1.333],
           [0.333],
           [1.667]])
    >>> explained.round(3)
    array([1.])
    """
    size = distance.shape[0]
    squares = distance**2
    row_means = squares.mean(axis=1)
    gram = -0.5 * (squares - row_means[:, None] - row_means[None, :] + squares.mean())
    n_found = min(n_axes, size)
    values, vectors = linalg.eigh(gram, subset_by_index=[size - n_found, size - 1])
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    largest = np.argmax(np.abs(np.round(vectors, 9)), axis=0)
    vectors = vectors * np.where(vectors[largest, np.arange(n_found)] < 0.0, -1.0, 1.0)
    coordinates, explained = np.zeros((size, n_axes)), np.zeros(n_axes)
    coordinates[:, :n_found] = vectors * np.sqrt(values)
    positive = float(np.maximum(np.linalg.eigvalsh(gram), 0.0).sum())
    if positive > 0.0:
        explained[:n_found] = values / positive
    return coordinates, explained
