"""Improve on the sample covariance by Ledoit-Wolf shrinkage and Marchenko-Pastur denoising.

See docs/method/03-dependence.md#3.3.

Both keep the definitions of their papers: moments divide by the number of sessions (ddof 0).

Ledoit, O., Wolf, M. (2004a). A well-conditioned estimator for large-dimensional covariance matrices. JMVA 88.
Ledoit, O., Wolf, M. (2004b). Honey, I shrunk the sample covariance matrix. JPM 30(4).
Laloux, L. et al. (1999). Noise dressing of financial correlation matrices. PRL 83.
Lopez de Prado, M. (2020). Machine learning for asset managers, chapter 2 (constant residual eigenvalue).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from analytics._typing import BoolMatrix, FloatMatrix, FloatVector
from analytics.estimation.moments import center, pairwise_moments

ShrinkageTarget = Literal["constant_correlation", "identity", "single_factor"]
BLOCK_SESSIONS = 64


@dataclass(frozen=True, slots=True)
class ShrunkCovariance:
    """Shrunk covariance and the share of the target in it.

    Attributes
    ----------
    matrix : (N, N)
        Per session, not annualised.
    intensity : float
        Share of the target, in [0, 1].
    """

    matrix: FloatMatrix
    intensity: float


def ledoit_wolf(returns: FloatMatrix, target: ShrinkageTarget) -> ShrunkCovariance:
    """Shrink the covariance of a complete panel towards its target.

    See docs/method/03-dependence.md#3.3.

    Parameters
    ----------
    returns : (T, N)
        Simple returns as fractions; no NaN, no constant column.
    target : str
        `constant_correlation` (Ledoit, Wolf 2004b) or `identity` times the mean variance (2004a).

    Returns
    -------
    ShrunkCovariance

    Notes
    -----
    The sums over all pairs of fourth moments are sums over sessions of products of sums over instruments, so that
    beside the covariance itself only T * N operations are needed.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.shrinkage import ledoit_wolf
    >>> returns = np.array([[1.0, 0.8], [-1.0, -0.9], [2.0, 1.5], [0.0, 0.2], [-2.0, -1.6]])
    >>> shrunk = ledoit_wolf(returns, "identity")
    >>> shrunk.matrix.round(3)
    array([[1.901, 1.158],
           [1.158, 1.359]])
    >>> round(shrunk.intensity, 3)
    0.267
    """
    n_sessions, n_instruments = returns.shape
    deviations = returns - returns.mean(axis=0)
    sample = deviations.T @ deviations
    sample /= n_sessions
    norm = float(np.vdot(sample, sample))
    # Sum over i, j of the asymptotic variance of sqrt(T) s_ij.
    pi_total = float(np.square(np.einsum("ij,ij->i", deviations, deviations)).mean()) - norm
    variance = np.diagonal(sample).copy()
    if target == "identity":
        mean_variance = float(variance.mean())
        distance = norm - n_instruments * mean_variance**2
        intensity = shrinkage_intensity(pi_total / n_sessions, distance)
        sample *= 1.0 - intensity
        sample[np.diag_indices(n_instruments)] += intensity * mean_variance
        return ShrunkCovariance(sample, intensity)
    volatility = np.sqrt(variance)
    mean_correlation = _mean_off_diagonal(float((1.0 / volatility) @ sample @ (1.0 / volatility)), n_instruments)
    fourth_total, cubes = _higher_powers(deviations, 1.0 / volatility)
    pi_diagonal = fourth_total / n_sessions - float(variance @ variance)
    scaled = deviations @ volatility
    theta_total = float(cubes @ scaled - scaled @ scaled) / n_sessions
    # Freeing the deviations before the next matrix is allocated saves fresh pages, which cost more than the arithmetic.
    del deviations
    rho_total = pi_diagonal + mean_correlation * (theta_total - pi_diagonal)
    gap = np.outer(mean_correlation * volatility, volatility)
    gap -= sample
    gap[np.diag_indices(n_instruments)] = 0.0
    intensity = shrinkage_intensity((pi_total - rho_total) / n_sessions, float(np.vdot(gap, gap)))
    gap *= intensity
    sample += gap
    return ShrunkCovariance(sample, intensity)


def ledoit_wolf_pairwise(returns: FloatMatrix, target: ShrinkageTarget, known: BoolMatrix) -> ShrunkCovariance:
    """Shrink a pairwise covariance: the sampling variance of each entry is divided by its own overlap.

    See docs/method/03-dependence.md#3.3.

    On a complete panel this is `ledoit_wolf`. A pair that is not known does not enter the intensity.

    Parameters
    ----------
    returns : (T, N)
        Simple returns as fractions; NaN for NULL.
    target : str
        `constant_correlation` or `identity`.
    known : (N, N)
        Pairs with enough common sessions; symmetric, true on the diagonal.

    Returns
    -------
    ShrunkCovariance
        Not necessarily positive definite.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.shrinkage import ledoit_wolf_pairwise
    >>> returns = np.array([[1.0, 0.8], [-1.0, np.nan], [2.0, 1.5], [0.0, 0.2], [-2.0, -1.6]])
    >>> shrunk = ledoit_wolf_pairwise(returns, "identity", np.ones((2, 2), dtype=bool))
    >>> shrunk.matrix.round(3)
    array([[1.882, 1.105],
           [1.105, 1.44 ]])
    """
    moments = pairwise_moments(returns)
    deviations, _ = center(returns)
    squares = deviations**2
    overlap = np.maximum(moments.overlap, 1.0)
    sample = fill_unknown(moments.covariance, known)
    raw = deviations.T @ deviations / overlap
    pi = np.where(known, (squares.T @ squares / overlap - raw**2) / overlap, 0.0)
    variance = np.diagonal(sample).copy()
    if target == "identity":
        target_matrix = np.diag(np.full(variance.size, variance.mean()))
        gap = np.where(known, target_matrix - sample, 0.0)
        return blend_with_target(sample, target_matrix, shrinkage_intensity(float(pi.sum()), float(np.vdot(gap, gap))))
    volatility = np.sqrt(variance)
    mean_correlation = mean_known_correlation(sample, known)
    theta = (((squares * deviations).T @ deviations) / overlap - variance[:, None] * raw) / overlap
    theta = np.where(known, theta * np.outer(1.0 / volatility, volatility), 0.0)
    rho_total = float(np.trace(pi)) + mean_correlation * (float(theta.sum()) - float(np.trace(theta)))
    target_matrix = mean_correlation * np.outer(volatility, volatility)
    np.fill_diagonal(target_matrix, variance)
    gap = np.where(known, target_matrix - sample, 0.0)
    return blend_with_target(
        sample, target_matrix, shrinkage_intensity(float(pi.sum()) - rho_total, float(np.vdot(gap, gap)))
    )


def fill_unknown(covariance: FloatMatrix, known: BoolMatrix) -> FloatMatrix:
    """Give each pair without enough common sessions the mean correlation of the known pairs.

    See docs/method/03-dependence.md#3.3.

    This is the constant-correlation target in full: the sample has no information about such a pair.

    Parameters
    ----------
    covariance : (N, N)
        Entries of unknown pairs are ignored.
    known : (N, N)
        Symmetric, true on the diagonal.

    Returns
    -------
    (N, N)
        The argument itself where every pair is known.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.shrinkage import fill_unknown
    >>> covariance = np.array([[1.0, 0.5, np.nan], [0.5, 1.0, 0.3], [np.nan, 0.3, 4.0]])
    >>> fill_unknown(covariance, np.isfinite(covariance)).round(3)
    array([[1.  , 0.5 , 0.65],
           [0.5 , 1.  , 0.3 ],
           [0.65, 0.3 , 4.  ]])
    """
    if known.all():
        return covariance
    volatility = np.sqrt(np.diagonal(covariance))
    target_matrix = mean_known_correlation(covariance, known) * np.outer(volatility, volatility)
    return np.where(known, covariance, target_matrix)


def mean_known_correlation(covariance: FloatMatrix, known: BoolMatrix) -> float:
    """Average the correlation over the known pairs of a covariance.

    See docs/method/03-dependence.md#3.3.

    Parameters
    ----------
    covariance : (N, N)
        Positive diagonal.
    known : (N, N)
        Pairs that count; the diagonal never does.

    Returns
    -------
    float
        In [-1, 1]; 0 where no pair is known.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.shrinkage import mean_known_correlation
    >>> round(mean_known_correlation(np.array([[1.0, 1.0], [1.0, 4.0]]), np.ones((2, 2), dtype=bool)), 3)
    0.5
    """
    pairs = known & ~np.eye(known.shape[0], dtype=bool)
    if not pairs.any():
        return 0.0
    volatility = np.sqrt(np.diagonal(covariance))
    return float((covariance / np.outer(volatility, volatility))[pairs].mean())


def denoise_correlation(correlation: FloatMatrix, sessions_per_instrument: float) -> tuple[FloatMatrix, int]:
    """Replace the eigenvalues that noise alone explains by their mean.

    See docs/method/03-dependence.md#3.3.

    The upper edge is sigma2 * (1 + sqrt(N / T))^2 (Marchenko, Pastur 1967) with sigma2 the mean of the eigenvalues
    below it, found as a fixed point from sigma2 = 1 (Laloux et al. 1999).

    Parameters
    ----------
    correlation : (N, N)
        Unit diagonal, no NaN.
    sessions_per_instrument : float
        T / N.

    Returns
    -------
    correlation : (N, N)
        Unit diagonal.
    n_factors : int
        Eigenvalues above the edge.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.shrinkage import denoise_correlation
    >>> correlation = np.array([[1.0, 0.80, 0.78], [0.80, 1.0, 0.82], [0.78, 0.82, 1.0]])
    >>> cleaned, n_factors = denoise_correlation(correlation, sessions_per_instrument=50.0)
    >>> cleaned.round(3)
    array([[1.   , 0.8  , 0.799],
           [0.8  , 1.   , 0.801],
           [0.799, 0.801, 1.   ]])
    >>> n_factors
    1
    """
    values, vectors = np.linalg.eigh(correlation)
    size, edge_ratio = values.size, (1.0 + np.sqrt(1.0 / sessions_per_instrument)) ** 2
    n_factors = 0
    while True:
        noise_variance = float(values[: size - n_factors].mean()) if n_factors < size else 0.0
        above = int((values > noise_variance * edge_ratio).sum())
        if above <= n_factors:
            break
        n_factors = above
    cleaned = values.copy()
    if n_factors < size:
        cleaned[: size - n_factors] = values[: size - n_factors].mean()
    matrix = (vectors * cleaned) @ vectors.T
    scale = 1.0 / np.sqrt(np.diagonal(matrix))
    matrix *= np.outer(scale, scale)
    matrix = (matrix + matrix.T) / 2.0
    np.fill_diagonal(matrix, 1.0)
    return np.asarray(matrix, dtype=np.float64), n_factors


def blend_with_target(sample: FloatMatrix, target_matrix: FloatMatrix, intensity: float) -> ShrunkCovariance:
    """Mix the sample covariance with the target.

    Parameters
    ----------
    sample, target_matrix : (N, N)
    intensity : float
        Share of the target, in [0, 1].

    Returns
    -------
    ShrunkCovariance

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.shrinkage import blend_with_target
    >>> blend_with_target(np.array([[1.0, 0.5], [0.5, 1.0]]), np.eye(2), 0.2).matrix.tolist()
    [[1.0, 0.4], [0.4, 1.0]]
    """
    return ShrunkCovariance(np.asarray(sample + intensity * (target_matrix - sample), dtype=np.float64), intensity)


def _higher_powers(deviations: FloatMatrix, scale: FloatVector) -> tuple[float, FloatVector]:
    """Sum all fourth powers, and per session the scaled cubes (T,); in blocks that stay in the processor's cache."""
    fourth_total, cubes = 0.0, np.empty(deviations.shape[0])
    for start in range(0, deviations.shape[0], BLOCK_SESSIONS):
        block = deviations[start : start + BLOCK_SESSIONS]
        powers = block * block
        fourth_total += float(np.vdot(powers, powers))
        powers *= block
        cubes[start : start + BLOCK_SESSIONS] = powers @ scale
    return fourth_total, cubes


def shrinkage_intensity(error: float, distance: float) -> float:
    """Compute the share of the target: sampling error over distance from the target, within [0, 1].

    Parameters
    ----------
    error : float
        Sum over all entries of their sampling variance, less their covariance with the target.
    distance : float
        Squared Frobenius distance of sample and target.

    Returns
    -------
    float
        0 where sample and target coincide.

    Examples
    --------
    >>> from analytics.estimation.shrinkage import shrinkage_intensity
    >>> shrinkage_intensity(1.0, 4.0), shrinkage_intensity(5.0, 4.0), shrinkage_intensity(1.0, 0.0)
    (0.25, 1.0, 0.0)
    """
    return min(max(error / distance, 0.0), 1.0) if distance > 0.0 else 0.0


def _mean_off_diagonal(total: float, size: int) -> float:
    return (total - size) / (size * (size - 1)) if size > 1 else 0.0
