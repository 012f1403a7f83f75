"""Make a pairwise covariance positive definite without changing its variances.

See docs/method/03-dependence.md#3.3.
"""

from __future__ import annotations

import numpy as np
from scipy import linalg

from analytics._typing import FloatMatrix
from analytics.errors import InputError

FLOOR_SHARE = 1e-8
MAX_SWEEPS = 100


def eigenvalue_floor(matrix: FloatMatrix) -> float:
    """Compute the smallest eigenvalue that is accepted: 1e-8 * trace / N, and at most half of the smallest variance.

    See docs/method/03-dependence.md#3.3.

    The smallest eigenvalue never exceeds the smallest diagonal entry, so a floor above that could not be met with the
    diagonal kept. The second bound matters only for a variance below 2e-8 of the average.

    Parameters
    ----------
    matrix : (N, N)
        Covariance with a positive diagonal.

    Returns
    -------
    float
        In the unit of the covariance.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.positive_definite import eigenvalue_floor
    >>> eigenvalue_floor(np.diag([1.0, 3.0]))
    2e-08
    """
    diagonal = np.diagonal(matrix)
    return float(min(FLOOR_SHARE * diagonal.mean(), diagonal.min() / 2.0))


def is_positive_definite(matrix: FloatMatrix, floor: float) -> bool:
    """Test by one Cholesky factorisation that every eigenvalue exceeds the floor.

    Parameters
    ----------
    matrix : (N, N)
        Symmetric.
    floor : float
        In the unit of the matrix.

    Returns
    -------
    bool

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.positive_definite import is_positive_definite
    >>> is_positive_definite(np.array([[1.0, 0.9], [0.9, 1.0]]), floor=0.05)
    True
    >>> is_positive_definite(np.array([[1.0, 0.9], [0.9, 1.0]]), floor=0.15)
    False
    """
    shifted = matrix.copy()
    shifted[np.diag_indices_from(shifted)] -= floor
    try:
        linalg.cholesky(shifted, lower=True, overwrite_a=True, check_finite=False)
    except linalg.LinAlgError:
        return False
    return True


def nearest_positive_definite(matrix: FloatMatrix) -> tuple[FloatMatrix, bool]:
    """Clip eigenvalues at the floor and restore the diagonal, until both conditions are met.

    See docs/method/03-dependence.md#3.3.

    Parameters
    ----------
    matrix : (N, N)
        Symmetric with a positive diagonal.

    Returns
    -------
    matrix : (N, N)
        Every eigenvalue above `eigenvalue_floor`, with the same diagonal.
    is_repaired : bool
        False where the matrix was already so and is returned unchanged.

    Raises
    ------
    InputError
        A matrix that is asymmetric or not finite, or a variance that is not positive.

    Notes
    -----
    Alternating projections as in Higham (2002), Computing the nearest correlation matrix, IMA J. Numer. Anal. 22,
    without the correction term, so the result is near but not the nearest.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.positive_definite import nearest_positive_definite
    >>> indefinite = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])
    >>> repaired, is_repaired = nearest_positive_definite(indefinite)
    >>> repaired.round(3)
    array([[ 1. ,  0.5, -0.5],
           [ 0.5,  1. ,  0.5],
           [-0.5,  0.5,  1. ]])
    >>> is_repaired
    True
    """
    _check_symmetric(matrix)
    floor = eigenvalue_floor(matrix)
    if is_positive_definite(matrix, floor):
        return matrix, False
    diagonal = np.diagonal(matrix).copy()
    repaired = matrix
    for _ in range(MAX_SWEEPS):
        values, vectors = np.linalg.eigh(repaired)
        # Clipping a little above the floor lets the sweep end, since rescaling lowers the smallest value again.
        clipped = (vectors * np.maximum(values, 2.0 * floor)) @ vectors.T
        scale = np.sqrt(diagonal / np.diagonal(clipped))
        repaired = clipped * np.outer(scale, scale)
        repaired = (repaired + repaired.T) / 2.0
        np.fill_diagonal(repaired, diagonal)
        if is_positive_definite(repaired, floor):
            return repaired, True
    return _mix_with_diagonal(repaired, floor), True


def _mix_with_diagonal(matrix: FloatMatrix, floor: float) -> FloatMatrix:
    """Shrink the off-diagonal entries just enough: the smallest eigenvalue is concave on the line to the diagonal."""
    lowest = float(np.linalg.eigvalsh(matrix)[0])
    diagonal = np.diagonal(matrix)
    share = (1.5 * floor - lowest) / (float(diagonal.min()) - lowest)
    mixed = (1.0 - share) * matrix
    np.fill_diagonal(mixed, diagonal)
    return np.asarray(mixed, dtype=np.float64)


def _check_symmetric(matrix: FloatMatrix) -> None:
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.isfinite(matrix).all():
        raise InputError("A covariance must be a square matrix of finite numbers.")
    if not np.allclose(matrix, matrix.T, rtol=1e-10, atol=0.0):
        row, column = np.unravel_index(np.argmax(np.abs(matrix - matrix.T)), matrix.shape)
        raise InputError(f"Asymmetric covariance: entries ({row}, {column}) and ({column}, {row}) differ.")
    invalid = np.flatnonzero(np.diagonal(matrix) <= 0.0)
    if invalid.size:
        raise InputError(f"The variance of column {invalid[0]} is not positive.")
