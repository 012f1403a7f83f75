"""QIS, RIE and the single-factor target: the formulas of their papers by plain loops, and their gain on known spectra."""

from __future__ import annotations

from cmath import sqrt as complex_sqrt
from itertools import product
from math import sqrt

import numpy as np
import pytest

from analytics.estimation.covariance import CovarianceMethod, estimate_covariance
from analytics.estimation.eigenvalue_shrinkage import (
    clean_invariantly,
    invariant_eigenvalues,
    quadratic_eigenvalues,
    shrink_quadratically,
)
from analytics.estimation.single_factor import shrink_to_single_factor

SHAPES = [(120, 40), (60, 60), (40, 90), (1000, 20)]


def spectrum(count: int) -> np.ndarray:
    """The spectrum of Ledoit and Wolf's simulations: 20 % of eigenvalues at 1, 40 % at 3, 40 % at 10."""
    return np.repeat([1.0, 3.0, 10.0], [count // 5, 2 * count // 5, count - count // 5 - 2 * count // 5])


def sample_covariance(sessions: int, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Covariance with the spectrum above and random eigenvectors, and a sample of it."""
    rng = np.random.default_rng(seed)
    vectors, _ = np.linalg.qr(rng.normal(size=(count, count)))
    root = vectors * np.sqrt(spectrum(count))
    returns = rng.normal(size=(sessions, count)) @ root.T
    return root @ root.T, np.cov(returns.T, ddof=1)


def qis_by_loops(values: list[float], n: int) -> list[float]:
    """Ledoit, Wolf (2022), Quadratic shrinkage, equations for p <= n and p > n, term by term."""
    p = len(values)
    c = p / n
    h = min(c * c, 1.0 / (c * c)) ** 0.35 / p**0.35
    inverse = [1.0 / value for value in values[max(0, p - n) :]]
    shrunk = []
    for own in inverse:
        theta = sum(x * (x - own) / ((x - own) ** 2 + h * h * x * x) for x in inverse) / len(inverse)
        conjugate = sum(x * h * x / ((x - own) ** 2 + h * h * x * x) for x in inverse) / len(inverse)
        square = theta**2 + conjugate**2
        if p <= n:
            shrunk.append(1.0 / ((1 - c) ** 2 * own + 2 * c * (1 - c) * own * theta + c * c * own * square))
        else:
            shrunk.append(1.0 / (own * square))
    if p > n:
        shrunk = [1.0 / ((c - 1.0) * sum(inverse) / len(inverse))] * (p - n) + shrunk
    return [value * sum(values) / sum(shrunk) for value in shrunk]


def rie_by_loops(values: list[float], n: int) -> list[float]:
    """Bun, Bouchaud, Potters (2017), section 8.1, with the factor Gamma, for N < T."""
    size, q = len(values), len(values) / n
    low = min(values)
    noise = low / (1 - sqrt(q)) ** 2
    high = low * ((1 + sqrt(q)) / (1 - sqrt(q))) ** 2
    cleaned = []
    for k, value in enumerate(values):
        z = complex(value, -1.0 / sqrt(size))
        s = sum(1.0 / (z - other) for j, other in enumerate(values) if j != k) / size
        xi = value / abs(1 - q + q * z * s) ** 2
        g = (z + noise * (q - 1) - complex_sqrt(z - low) * complex_sqrt(z - high)) / (2 * q * z * noise)
        gamma = noise * abs(1 - q + q * z * g) ** 2 / value
        cleaned.append(xi * max(gamma, 1.0))
    return [value * sum(values) / sum(cleaned) for value in cleaned]


@pytest.mark.parametrize(("sessions", "count"), SHAPES)
def test_qis_is_the_formula_of_the_paper(sessions: int, count: int) -> None:
    _, sample = sample_covariance(sessions, count, 1)
    values = np.linalg.eigvalsh(sample)
    np.testing.assert_allclose(
        quadratic_eigenvalues(values, sessions - 1), qis_by_loops(values.tolist(), sessions - 1), rtol=1e-9
    )


@pytest.mark.parametrize(("sessions", "count"), [(120, 40), (1000, 20), (70, 60)])
def test_rie_is_the_formula_of_the_paper(sessions: int, count: int) -> None:
    _, sample = sample_covariance(sessions, count, 1)
    values = np.linalg.eigvalsh(sample)
    values /= values.mean()
    expected = np.array(rie_by_loops(values.tolist(), sessions - 1))
    np.testing.assert_allclose(invariant_eigenvalues(values, sessions - 1), expected, rtol=1e-9)
    np.testing.assert_allclose(invariant_eigenvalues(7.0 * values, sessions - 1), 7.0 * expected, rtol=1e-9)


def prial(shrink: object, sessions: int, count: int) -> float:
    """Share of the sample's squared error that shrinking removes, where 1 is the best use of its eigenvectors."""
    lost_sample = lost_shrunk = lost_oracle = 0.0
    for seed in range(8):
        truth, sample = sample_covariance(sessions, count, seed)
        _, vectors = np.linalg.eigh(sample)
        oracle = (vectors * np.einsum("ij,ik,kj->j", vectors, truth, vectors)) @ vectors.T
        lost_sample += float(((sample - truth) ** 2).sum())
        lost_shrunk += float(((shrink(sample, sessions - 1) - truth) ** 2).sum())
        lost_oracle += float(((oracle - truth) ** 2).sum())
    return (lost_sample - lost_shrunk) / (lost_sample - lost_oracle)


@pytest.mark.parametrize(("sessions", "count", "least"), [(300, 100, 0.92), (120, 100, 0.92), (100, 200, 0.92)])
@pytest.mark.parametrize("shrink", [shrink_quadratically, clean_invariantly])
def test_nearly_all_of_the_error_is_removed_that_the_eigenvectors_allow(
    shrink: object, sessions: int, count: int, least: float
) -> None:
    assert least <= prial(shrink, sessions, count) <= 1.0


@pytest.mark.parametrize(("sessions", "count"), SHAPES)
@pytest.mark.parametrize("shrink", [shrink_quadratically, clean_invariantly])
def test_the_trace_stays_and_every_eigenvalue_is_positive(shrink: object, sessions: int, count: int) -> None:
    _, sample = sample_covariance(sessions, count, 3)
    shrunk = shrink(sample, sessions - 1)
    np.testing.assert_array_equal(shrunk, shrunk.T)
    assert np.linalg.eigvalsh(shrunk)[0] > 0.0
    assert np.trace(shrunk) == pytest.approx(np.trace(sample), rel=1e-12)


def single_factor_by_loops(returns: np.ndarray) -> tuple[np.ndarray, float]:
    """Ledoit, Wolf (2003), section 3 and appendix B, term by term; the factor is the mean return."""
    t, n = returns.shape
    x = returns - returns.mean(axis=0)
    m = x.mean(axis=1)
    s = [[sum(x[k, i] * x[k, j] for k in range(t)) / t for j in range(n)] for i in range(n)]
    c = [sum(x[k, i] * m[k] for k in range(t)) / t for i in range(n)]
    v = sum(m[k] ** 2 for k in range(t)) / t
    pi = rho = gamma = 0.0
    target = np.zeros((n, n))
    for i, j in product(range(n), range(n)):
        p = sum((x[k, i] * x[k, j] - s[i][j]) ** 2 for k in range(t)) / t
        pi += p
        if i == j:
            rho += p
            target[i, j] = s[i][i]
            continue
        target[i, j] = c[i] * c[j] / v
        r = 0.0
        for k in range(t):
            term = c[j] * v * x[k, i] + c[i] * v * x[k, j] - c[i] * c[j] * m[k]
            r += term * m[k] * x[k, i] * x[k, j] / (v * v)
        rho += r / t - target[i, j] * s[i][j]
        gamma += (target[i, j] - s[i][j]) ** 2
    delta = max(0.0, min((pi - rho) / gamma / t, 1.0))
    return delta * target + (1.0 - delta) * np.array(s), delta


@pytest.mark.parametrize(("sessions", "count"), [(40, 6), (30, 9), (25, 12)])
def test_the_single_factor_target_is_the_formula_of_the_paper(sessions: int, count: int) -> None:
    rng = np.random.default_rng(count)
    returns = rng.normal(size=(sessions, 1)) * rng.uniform(0.3, 1.5, count) + rng.normal(size=(sessions, count))
    returns[:, 0] += returns[:, 1]
    matrix, delta = single_factor_by_loops(returns)
    ours = shrink_to_single_factor(returns, np.ones((count, count), dtype=bool))
    assert 0.0 < delta < 1.0
    assert ours.intensity == pytest.approx(delta, rel=1e-9)
    np.testing.assert_allclose(ours.matrix, matrix, rtol=1e-9, atol=1e-12)
    estimate = estimate_covariance(0.01 * returns, periods_per_year=252, method="ledoit_wolf", target="single_factor")
    np.testing.assert_allclose(estimate.matrix, 252e-4 * matrix, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("method", ["qis", "rie", "ewma_qis"])
def test_volatilities_are_estimated_apart_from_correlations(method: CovarianceMethod) -> None:
    """A change of unit changes volatilities only, so streams of any scale share one correlation."""
    rng = np.random.default_rng(8)
    returns = (rng.normal(size=(200, 1)) + rng.normal(size=(200, 30))) * 0.01
    scale = np.geomspace(0.05, 20.0, 30)
    options = {"periods_per_year": 252, "method": method, "halflife_sessions": 40}
    base = estimate_covariance(returns, **options).matrix
    scaled = estimate_covariance(returns * scale, **options).matrix
    np.testing.assert_allclose(scaled, base * np.outer(scale, scale), rtol=1e-9)
    other = "ewma" if method == "ewma_qis" else "sample"
    expected = np.diag(estimate_covariance(returns, **{**options, "method": other}).matrix)
    np.testing.assert_allclose(np.diag(base), expected, rtol=1e-12)


def test_ewma_qis_has_the_correlations_of_qis() -> None:
    rng = np.random.default_rng(9)
    returns = (rng.normal(size=(200, 1)) + rng.normal(size=(200, 30))) * 0.01
    options = {"periods_per_year": 252, "halflife_sessions": 40}
    correlations = []
    for method in ("qis", "ewma_qis"):
        matrix = estimate_covariance(returns, method=method, **options).matrix
        correlations.append(matrix / np.sqrt(np.outer(np.diag(matrix), np.diag(matrix))))
    np.testing.assert_allclose(correlations[0], correlations[1], rtol=1e-9)
