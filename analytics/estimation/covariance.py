"""Estimate the annualised covariance of instruments with equal or unequal histories.

See docs/method/03-dependence.md#3.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from analytics._typing import FloatMatrix, FloatVector
from analytics.errors import InputError
from analytics.estimation.eigenvalue_shrinkage import clean_invariantly, shrink_quadratically
from analytics.estimation.moments import PairwiseMoments, pairwise_moments
from analytics.estimation.positive_definite import nearest_positive_definite
from analytics.estimation.shrinkage import (
    ShrinkageTarget,
    denoise_correlation,
    fill_unknown,
    ledoit_wolf,
    ledoit_wolf_pairwise,
)
from analytics.estimation.single_factor import shrink_to_single_factor
from analytics.panel import Panel, check_panel, refuse_short, refuse_unusable

CovarianceMethod = Literal["sample", "ledoit_wolf", "qis", "rie", "denoised", "ewma", "ewma_qis"]
#: Methods that weigh sessions by a half-life.
DECAYING: tuple[CovarianceMethod, ...] = ("ewma", "ewma_qis")


@dataclass(frozen=True, slots=True)
class CovarianceEstimate:
    """Annualised covariance with the facts of its estimation.

    See docs/method/03-dependence.md#3.3.

    Attributes
    ----------
    matrix : (N, N)
        Annualised, in squared fractions a year.
    method : str
        `sample`, `ledoit_wolf`, `qis`, `rie`, `denoised`, `ewma` or `ewma_qis`.
    target : str or None
        Of the shrinkage; None for other methods.
    shrinkage : float or None
        Share of the target, in [0, 1]; None for other methods.
    n_factors : int or None
        Eigenvalues that denoising kept; None for other methods.
    is_repaired : bool
        Eigenvalues were clipped to make the matrix positive definite.
    n_overlap_min : int
        Common sessions of the pair that shares fewest.
    n_unknown_pairs : int
        Pairs below `min_overlap`; they have the mean correlation of the known pairs.
    """

    matrix: FloatMatrix
    method: CovarianceMethod
    target: ShrinkageTarget | None
    shrinkage: float | None
    n_factors: int | None
    is_repaired: bool
    n_overlap_min: int
    n_unknown_pairs: int


@dataclass(frozen=True, slots=True)
class _SessionCovariance:
    """Covariance of one session, before annualisation."""

    matrix: FloatMatrix
    shrinkage: float | None = None
    n_factors: int | None = None


def estimate_covariance(
    past_returns: ArrayLike,
    *,
    periods_per_year: float,
    method: CovarianceMethod = "ledoit_wolf",
    target: ShrinkageTarget = "constant_correlation",
    min_overlap: int = 20,
    halflife_sessions: float | None = None,
    names: Sequence[str] | None = None,
) -> CovarianceEstimate:
    """Estimate the annualised covariance of past returns.

    See docs/method/03-dependence.md#3.3.

    A complete panel needs matrix products only and no repair. With NaN every entry is estimated on the common sessions
    of its pair, the diagonal on the history of each instrument, and the matrix is made positive definite with its
    diagonal kept.

    Parameters
    ----------
    past_returns : (T, N)
        Simple returns as fractions; NaN for NULL.
    periods_per_year : float
        252 on the business grid, 365 on the 24/7 grid.
    method : str
        `sample` (ddof 1), `ledoit_wolf`, `qis`, `rie`, `denoised`, `ewma` or `ewma_qis`. `qis`, `rie`, `denoised` and
        `ewma_qis` estimate correlations and volatilities apart.
    target : str
        `constant_correlation`, `identity` or `single_factor`; used by `ledoit_wolf` only.
    min_overlap : int
        Common sessions that a pair needs, and returns that an instrument needs.
    halflife_sessions : float, optional
        Used by `ewma` and `ewma_qis`, and required there.
    names : sequence of N str, optional
        Symbols for the messages.

    Returns
    -------
    CovarianceEstimate

    Raises
    ------
    InputError
        Infinite returns, an instrument without returns or without variation, repeated names, an unknown method or
        target, a half-life that is missing or below one session, `min_overlap` below 2, `periods_per_year` not
        positive.
    ShortHistoryError
        An instrument with fewer than `min_overlap` returns.

    References
    ----------
    Ledoit, O., Wolf, M. (2004). Honey, I shrunk the sample covariance matrix. JPM 30(4).
    Ledoit, O., Wolf, M. (2022). Quadratic shrinkage for large covariance matrices. Bernoulli 28(3).
    Bun, J., Bouchaud, J.-P., Potters, M. (2017). Cleaning large correlation matrices. Physics Reports 666.
    Laloux, L. et al. (1999). Noise dressing of financial correlation matrices. PRL 83.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.covariance import estimate_covariance
    >>> rng = np.random.default_rng(0)
    >>> returns = 0.01 * (rng.normal(size=(250, 1)) + rng.normal(size=(250, 3)) * [0.5, 1.0, 2.0])
    >>> estimate = estimate_covariance(returns, periods_per_year=252)
    >>> estimate.matrix.round(4)
    array([[0.0317, 0.023 , 0.0277],
           [0.023 , 0.0469, 0.0286],
           [0.0277, 0.0286, 0.1227]])
    >>> round(estimate.shrinkage, 3)
    0.231
    """
    _check_options(method, target, min_overlap, halflife_sessions, periods_per_year)
    panel = check_panel(past_returns, names, min_sessions=2)
    refuse_unusable(panel)
    refuse_short(panel, min_overlap)
    n_overlap_min, n_unknown, is_repaired = panel.returns.shape[0], 0, False
    weights = None
    if method in DECAYING and halflife_sessions is not None:
        weights = _decay_weights(panel.returns.shape[0], halflife_sessions)
    if panel.is_complete:
        raw = _estimate_complete(panel.returns, method, target, weights)
        matrix = raw.matrix
    else:
        moments = pairwise_moments(panel.returns)
        n_overlap_min = int(moments.overlap.min())
        n_unknown = int((moments.overlap < min_overlap).sum()) // 2
        raw = _estimate_pairwise(panel, method, target, moments, weights, min_overlap)
        matrix, is_repaired = nearest_positive_definite(raw.matrix)
    matrix *= periods_per_year
    return CovarianceEstimate(
        matrix=matrix,
        method=method,
        target=target if method == "ledoit_wolf" else None,
        shrinkage=raw.shrinkage,
        n_factors=raw.n_factors,
        is_repaired=is_repaired,
        n_overlap_min=n_overlap_min,
        n_unknown_pairs=n_unknown,
    )


def _estimate_complete(
    returns: FloatMatrix, method: CovarianceMethod, target: ShrinkageTarget, weights: FloatVector | None
) -> _SessionCovariance:
    n_sessions, n_instruments = returns.shape
    if method == "ledoit_wolf":
        if target == "single_factor":
            shrunk = shrink_to_single_factor(returns, np.ones((n_instruments, n_instruments), dtype=bool))
        else:
            shrunk = ledoit_wolf(returns, target)
        return _SessionCovariance(shrunk.matrix, shrinkage=shrunk.intensity)
    if method == "ewma" and weights is not None:
        deviations = (returns - weights @ returns) * np.sqrt(weights)[:, None]
        # Reliability weights: with equal weights this is the sample covariance with ddof 1.
        return _SessionCovariance(deviations.T @ deviations / (1.0 - float(weights @ weights)))
    deviations = returns - returns.mean(axis=0)
    sample = deviations.T @ deviations / (n_sessions - 1)
    variances = None
    if method == "ewma_qis" and weights is not None:
        variances = weights @ (returns - weights @ returns) ** 2 / (1.0 - float(weights @ weights))
    return _clean(sample, method, n_sessions - 1.0, variances)


def _estimate_pairwise(
    panel: Panel,
    method: CovarianceMethod,
    target: ShrinkageTarget,
    moments: PairwiseMoments,
    weights: FloatVector | None,
    min_overlap: int,
) -> _SessionCovariance:
    known = moments.overlap >= min_overlap
    if method == "ledoit_wolf":
        if target == "single_factor":
            shrunk = shrink_to_single_factor(panel.returns, known)
        else:
            shrunk = ledoit_wolf_pairwise(panel.returns, target, known)
        return _SessionCovariance(shrunk.matrix, shrinkage=shrunk.intensity)
    if method == "ewma":
        return _SessionCovariance(fill_unknown(_unbiased(pairwise_moments(panel.returns, weights)), known))
    sample = fill_unknown(_unbiased(moments), known)
    if method == "sample":
        return _SessionCovariance(sample)
    repaired, _ = nearest_positive_definite(sample)
    variances = None
    if method == "ewma_qis":
        variances = np.diagonal(_unbiased(pairwise_moments(panel.returns, weights)))
    return _clean(repaired, method, max(float(moments.overlap[known].mean()) - 1.0, 1.0), variances)


def _unbiased(moments: PairwiseMoments) -> FloatMatrix:
    """Covariances (N, N) of pairs with ddof 1, or with reliability weights."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(moments.covariance / (1.0 - moments.squared_weight / moments.weight**2), dtype=np.float64)


def _clean(
    sample: FloatMatrix, method: CovarianceMethod, n_sessions: float, variances: FloatVector | None
) -> _SessionCovariance:
    """Clean the correlations of a sample covariance by a method, and put volatilities to them.

    The volatilities are those of the sample, or of `variances` (N,) where they are given.
    """
    if method == "sample":
        return _SessionCovariance(sample)
    volatility = np.sqrt(np.diagonal(sample))
    correlation, n_factors = sample / np.outer(volatility, volatility), None
    if method == "denoised":
        # The edge of Marchenko and Pastur counts sessions, not degrees of freedom.
        correlation, n_factors = denoise_correlation(correlation, (n_sessions + 1.0) / sample.shape[0])
    elif sample.shape[0] > 1:
        clean = clean_invariantly if method == "rie" else shrink_quadratically
        correlation = _with_unit_diagonal(clean(correlation, n_sessions))
    if variances is not None:
        volatility = np.sqrt(variances)
    return _SessionCovariance(correlation * np.outer(volatility, volatility), n_factors=n_factors)


def _with_unit_diagonal(matrix: FloatMatrix) -> FloatMatrix:
    """Scale a positive definite matrix to a correlation."""
    scale = 1.0 / np.sqrt(np.diagonal(matrix))
    correlation = matrix * np.outer(scale, scale)
    np.fill_diagonal(correlation, 1.0)
    return np.asarray(correlation, dtype=np.float64)


def _decay_weights(n_sessions: int, halflife_sessions: float) -> FloatVector:
    """Exponential session weights (T,) that sum to 1, the last session the heaviest."""
    weights = np.exp2(-np.arange(n_sessions - 1, -1, -1) / halflife_sessions)
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def _check_options(
    method: str, target: str, min_overlap: int, halflife_sessions: float | None, periods_per_year: float
) -> None:
    if method not in get_args(CovarianceMethod):
        raise InputError(f"Unknown covariance method {method!r}; known: {', '.join(get_args(CovarianceMethod))}.")
    if target not in get_args(ShrinkageTarget):
        raise InputError(f"Unknown shrinkage target {target!r}; known: {', '.join(get_args(ShrinkageTarget))}.")
    if min_overlap < 2:
        raise InputError(f"min_overlap is {min_overlap}; a covariance needs at least 2 common sessions.")
    if not (np.isfinite(periods_per_year) and periods_per_year > 0.0):
        raise InputError(f"periods_per_year is {periods_per_year}; 252 on the business grid, 365 on the 24/7 grid.")
    if halflife_sessions is None:
        if method in DECAYING:
            raise InputError(f"The {method} covariance needs halflife_sessions.")
    elif not (np.isfinite(halflife_sessions) and halflife_sessions >= 1.0):
        raise InputError(f"halflife_sessions is {halflife_sessions}; give at least one session.")
