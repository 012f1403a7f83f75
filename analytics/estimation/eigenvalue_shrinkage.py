"""Shrink each eigenvalue of a sample matrix by what random matrix theory says of its error.

See docs/method/03-dependence.md#3.3.

Both estimators keep the eigenvectors and need no target. They are made for N in the order of T, N above T included.

Ledoit, O., Wolf, M. (2022). Quadratic shrinkage for large covariance matrices. Bernoulli 28(3).
Bun, J., Bouchaud, J.-P., Potters, M. (2017). Cleaning large correlation matrices: tools from random matrix theory.
Physics Reports 666.
"""

from __future__ import annotations

import numpy as np

from analytics._typing import FloatMatrix, FloatVector

#: Smallest eigenvalue, relative to the mean, that counts as positive.
NULL_SHARE = 1e-10


def shrink_quadratically(sample: FloatMatrix, n_sessions: float) -> FloatMatrix:
    """Shrink a sample matrix by the quadratic-inverse shrinkage (QIS) of Ledoit and Wolf (2022).

    See docs/method/03-dependence.md#3.3.

    Parameters
    ----------
    sample : (N, N)
        Covariance or correlation, symmetric.
    n_sessions : float
        Degrees of freedom of the sample: sessions less the one that the mean takes.

    Returns
    -------
    (N, N)
        Symmetric positive definite, with the trace of the sample.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.eigenvalue_shrinkage import shrink_quadratically
    >>> sample = np.array([[1.0, 0.7, 0.1], [0.7, 1.0, 0.3], [0.1, 0.3, 1.0]])
    >>> shrink_quadratically(sample, n_sessions=10).round(3)
    array([[ 0.943,  0.444, -0.047],
           [ 0.444,  0.9  ,  0.16 ],
           [-0.047,  0.16 ,  1.158]])
    """
    values, vectors = np.linalg.eigh(sample)
    return _recomposed(vectors, quadratic_eigenvalues(values, n_sessions))


def quadratic_eigenvalues(values: FloatVector, n_sessions: float) -> FloatVector:
    """Shrink sample eigenvalues by the formula of Ledoit and Wolf (2022).

    See docs/method/03-dependence.md#3.3.

    Parameters
    ----------
    values : (N,)
        Ascending.
    n_sessions : float
        Degrees of freedom of the sample.

    Returns
    -------
    (N,)
        Positive, with the sum of the sample eigenvalues.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.eigenvalue_shrinkage import quadratic_eigenvalues
    >>> quadratic_eigenvalues(np.array([0.2, 0.8, 2.0]), n_sessions=30).round(3)
    array([0.235, 0.869, 1.895])
    """
    size, ratio = values.size, values.size / n_sessions
    rank = min(size, max(int(n_sessions), 1))
    inverse = 1.0 / np.maximum(values[size - rank :], NULL_SHARE * values.mean())
    bandwidth = min(ratio**2, ratio**-2) ** 0.35 / size**0.35
    gaps = inverse[None, :] - inverse[:, None]
    weights = inverse[None, :] / (gaps**2 + (bandwidth * inverse[None, :]) ** 2)
    stein = (weights * gaps).mean(axis=1)
    conjugate = bandwidth * (weights * inverse[None, :]).mean(axis=1)
    amplitude = stein**2 + conjugate**2
    if rank == size:
        shrunk = 1.0 / (
            (1.0 - ratio) ** 2 * inverse
            + 2.0 * ratio * (1.0 - ratio) * inverse * stein
            + ratio**2 * inverse * amplitude
        )
    else:
        null = 1.0 / ((ratio - 1.0) * float(inverse.mean()))
        shrunk = np.concatenate([np.full(size - rank, null), 1.0 / (inverse * amplitude)])
    return np.asarray(shrunk * (values.sum() / shrunk.sum()), dtype=np.float64)


def clean_invariantly(correlation: FloatMatrix, n_sessions: float) -> FloatMatrix:
    """Clean a sample correlation by the rotationally invariant estimator (RIE) of Bun, Bouchaud and Potters.

    See docs/method/03-dependence.md#3.3.

    Parameters
    ----------
    correlation : (N, N)
        Unit diagonal, symmetric.
    n_sessions : float
        Degrees of freedom of the sample.

    Returns
    -------
    (N, N)
        Symmetric positive definite, with the trace of the sample.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.eigenvalue_shrinkage import clean_invariantly
    >>> sample = np.array([[1.0, 0.7, 0.1], [0.7, 1.0, 0.3], [0.1, 0.3, 1.0]])
    >>> clean_invariantly(sample, n_sessions=10).round(3)
    array([[1.002, 0.08 , 0.015],
           [0.08 , 1.003, 0.035],
           [0.015, 0.035, 0.995]])
    """
    values, vectors = np.linalg.eigh(correlation)
    return _recomposed(vectors, invariant_eigenvalues(values, n_sessions))


def invariant_eigenvalues(values: FloatVector, n_sessions: float) -> FloatVector:
    """Clean sample eigenvalues by the oracle formula of Ledoit and Peche, at a distance 1/sqrt(N) from the real axis.

    See docs/method/03-dependence.md#3.3.

    That distance pulls small eigenvalues down; for N below T they are raised again by the factor Gamma, which would
    restore a spectrum of pure noise (Bun, Bouchaud and Potters 2017, section 8.1). For N above T the null eigenvalues
    take the limit of the oracle at 0, which is 1 / ((q - 1) times the mean inverse of the others).

    Parameters
    ----------
    values : (N,)
        Ascending.
    n_sessions : float
        Degrees of freedom of the sample.

    Returns
    -------
    (N,)
        Positive, with the sum of the sample eigenvalues.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.eigenvalue_shrinkage import invariant_eigenvalues
    >>> invariant_eigenvalues(np.array([0.2, 0.8, 2.0]), n_sessions=30).round(3)
    array([0.425, 0.804, 1.771])
    """
    size, ratio = values.size, values.size / n_sessions
    level = float(values.mean())
    # The distance from the axis is that of eigenvalues around 1, as those of a correlation are.
    values = np.maximum(values / level, NULL_SHARE)
    points = values - 1j / np.sqrt(size)
    inverse = 1.0 / (points[:, None] - values[None, :])
    np.fill_diagonal(inverse, 0.0)
    cleaned = values / np.abs(1.0 - ratio + ratio * points * inverse.mean(axis=1)) ** 2
    if ratio < 1.0:
        smallest = float(values[0])
        noise = smallest / (1.0 - np.sqrt(ratio)) ** 2
        largest = noise * (1.0 + np.sqrt(ratio)) ** 2
        root = np.sqrt(points - smallest) * np.sqrt(points - largest)
        pure = (points + noise * (ratio - 1.0) - root) / (2.0 * ratio * points * noise)
        cleaned = cleaned * np.maximum(noise * np.abs(1.0 - ratio + ratio * points * pure) ** 2 / values, 1.0)
    else:
        rank = min(size, max(int(n_sessions), 1))
        if rank < size:
            cleaned[: size - rank] = 1.0 / ((ratio - 1.0) * float((1.0 / values[size - rank :]).mean()))
    return np.asarray(cleaned * (level / cleaned.mean()), dtype=np.float64)


def _recomposed(vectors: FloatMatrix, values: FloatVector) -> FloatMatrix:
    """Put eigenvectors (N, N) and eigenvalues (N,) together, exactly symmetric."""
    root = vectors * np.sqrt(values)
    return np.asarray(root @ root.T, dtype=np.float64)
