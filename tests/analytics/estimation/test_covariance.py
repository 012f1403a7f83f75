"""Covariances against scikit-learn, pandas and plain loops over the formulas of the papers.

See docs/method/03-dependence.md#3.3.
"""

from __future__ import annotations

from itertools import product
from math import sqrt

import numpy as np
import pandas as pd
import pytest
from sklearn.covariance import LedoitWolf

from analytics.errors import InputError, ShortHistoryError
from analytics.estimation.covariance import estimate_covariance
from analytics.estimation.positive_definite import eigenvalue_floor
from analytics.estimation.shrinkage import denoise_correlation


def factor_returns(n_sessions: int, n_instruments: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    loads = rng.uniform(0.2, 1.5, n_instruments)
    scale = rng.uniform(0.005, 0.03, n_instruments)
    return (rng.normal(size=(n_sessions, 1)) * loads + rng.normal(size=(n_sessions, n_instruments))) * scale + 2e-4


def with_gaps(returns: np.ndarray, seed: int = 1) -> np.ndarray:
    gapped = returns.copy()
    gapped[np.random.default_rng(seed).random(returns.shape) < 0.08] = np.nan
    gapped[: returns.shape[0] // 2, 0] = np.nan
    return gapped


def constant_correlation_by_loops(returns: np.ndarray) -> tuple[np.ndarray, float]:
    """Ledoit, Wolf (2004), Honey, I shrunk the sample covariance matrix, appendices A and B, term by term."""
    t, n = returns.shape
    x = [[returns[k][i] - sum(returns[:, i]) / t for i in range(n)] for k in range(t)]
    s = [[sum(x[k][i] * x[k][j] for k in range(t)) / t for j in range(n)] for i in range(n)]
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    r_bar = 2.0 / (n * (n - 1)) * sum(s[i][j] / sqrt(s[i][i] * s[j][j]) for i, j in pairs)
    f = [[s[i][i] if i == j else r_bar * sqrt(s[i][i] * s[j][j]) for j in range(n)] for i in range(n)]

    def pi(i: int, j: int) -> float:
        return sum((x[k][i] * x[k][j] - s[i][j]) ** 2 for k in range(t)) / t

    def theta(a: int, i: int, j: int) -> float:
        return sum((x[k][a] ** 2 - s[a][a]) * (x[k][i] * x[k][j] - s[i][j]) for k in range(t)) / t

    everywhere = list(product(range(n), range(n)))
    pi_hat = sum(pi(i, j) for i, j in everywhere)
    rho_hat = sum(pi(i, i) for i in range(n)) + sum(
        r_bar / 2.0 * (sqrt(s[j][j] / s[i][i]) * theta(i, i, j) + sqrt(s[i][i] / s[j][j]) * theta(j, i, j))
        for i, j in everywhere
        if i != j
    )
    gamma_hat = sum((f[i][j] - s[i][j]) ** 2 for i, j in everywhere)
    delta = max(0.0, min((pi_hat - rho_hat) / gamma_hat / t, 1.0))
    return delta * np.array(f) + (1.0 - delta) * np.array(s), delta


@pytest.mark.parametrize(("n_sessions", "n_instruments"), [(500, 40), (60, 120), (30, 2), (25, 1)])
def test_identity_target_equals_scikit_learn(n_sessions: int, n_instruments: int) -> None:
    returns = factor_returns(n_sessions, n_instruments)
    theirs = LedoitWolf().fit(returns)
    ours = estimate_covariance(returns, periods_per_year=1, target="identity")
    assert ours.shrinkage == pytest.approx(theirs.shrinkage_, abs=1e-12)
    np.testing.assert_allclose(ours.matrix, theirs.covariance_, rtol=1e-12, atol=1e-12 * ours.matrix.max())


@pytest.mark.parametrize(("n_sessions", "n_instruments", "seed"), [(40, 6, 0), (22, 9, 1), (60, 4, 2)])
def test_constant_correlation_target_equals_the_paper_by_plain_loops(
    n_sessions: int, n_instruments: int, seed: int
) -> None:
    returns = factor_returns(n_sessions, n_instruments, seed)
    returns[:, 1] += 2.0 * returns[:, 0]
    returns[:, 2] -= 1.5 * returns[:, 3]
    matrix, delta = constant_correlation_by_loops(returns)
    ours = estimate_covariance(returns, periods_per_year=252)
    assert 0.0 < delta < 1.0
    assert ours.shrinkage == pytest.approx(delta, abs=1e-11)
    np.testing.assert_allclose(ours.matrix, 252 * matrix, rtol=1e-11)
    assert (ours.method, ours.target) == ("ledoit_wolf", "constant_correlation")


def test_one_missing_return_moves_the_shrunk_covariance_little() -> None:
    returns = factor_returns(200, 10)
    gapped = returns.copy()
    gapped[50, 3] = np.nan
    whole, missing = (estimate_covariance(panel, periods_per_year=252) for panel in (returns, gapped))
    assert missing.n_overlap_min == 199
    assert missing.shrinkage == pytest.approx(whole.shrinkage, abs=0.02)
    assert not np.array_equal(missing.matrix, whole.matrix)


def test_pairwise_sample_covariance_equals_pandas() -> None:
    gapped = with_gaps(factor_returns(120, 8))
    ours = estimate_covariance(gapped, periods_per_year=1, method="sample")
    assert not ours.is_repaired
    np.testing.assert_allclose(ours.matrix, pd.DataFrame(gapped).cov(min_periods=20).to_numpy(), rtol=1e-10)
    known = np.isfinite(gapped)
    assert ours.n_overlap_min == min((known[:, i] & known[:, j]).sum() for i in range(8) for j in range(8))


def test_complete_sample_covariance_equals_numpy() -> None:
    returns = factor_returns(50, 7)
    ours = estimate_covariance(returns, periods_per_year=365, method="sample")
    np.testing.assert_allclose(ours.matrix, 365 * np.cov(returns.T), rtol=1e-12)
    assert ours.n_overlap_min == 50


def test_ewma_equals_pandas() -> None:
    returns = factor_returns(80, 4)
    theirs = pd.DataFrame(returns).ewm(halflife=15).cov().to_numpy()[-4:]
    ours = estimate_covariance(returns, periods_per_year=1, method="ewma", halflife_sessions=15)
    np.testing.assert_allclose(ours.matrix, theirs, rtol=1e-10)


def test_ewma_with_gaps_equals_a_loop_over_pairs() -> None:
    gapped = with_gaps(factor_returns(120, 5))
    ours = estimate_covariance(gapped, periods_per_year=1, method="ewma", halflife_sessions=40)
    weights = 0.5 ** (np.arange(119, -1, -1) / 40)
    for i, j in product(range(5), range(5)):
        both = np.isfinite(gapped[:, i]) & np.isfinite(gapped[:, j])
        w, x, y = weights[both], gapped[both, i], gapped[both, j]
        w = w / w.sum()
        expected = w @ ((x - w @ x) * (y - w @ y)) / (1.0 - w @ w)
        assert ours.matrix[i, j] == pytest.approx(expected, rel=1e-9)


def test_ewma_with_an_endless_halflife_is_the_sample_covariance() -> None:
    returns = factor_returns(60, 5)
    ewma = estimate_covariance(returns, periods_per_year=1, method="ewma", halflife_sessions=1e12)
    np.testing.assert_allclose(ewma.matrix, np.cov(returns.T), rtol=1e-8)


def test_denoising_keeps_factors_and_variances_and_flattens_the_rest() -> None:
    rng = np.random.default_rng(3)
    factors = rng.normal(size=(800, 2))
    loads = np.zeros((2, 100))
    loads[0, :50], loads[1, 50:] = 1.0, 1.0
    returns = (factors @ loads + rng.normal(size=(800, 100))) * 0.01
    ours = estimate_covariance(returns, periods_per_year=1, method="denoised")
    assert ours.n_factors == 2
    np.testing.assert_allclose(np.diag(ours.matrix), returns.var(axis=0, ddof=1), rtol=1e-12)
    values = np.linalg.eigvalsh(denoise_correlation(np.corrcoef(returns.T), 8.0)[0])
    raw = np.linalg.eigvalsh(np.corrcoef(returns.T))
    # Rescaling to a unit diagonal leaves the replaced eigenvalues nearly equal.
    assert np.ptp(values[:98]) < 0.15 * np.ptp(raw[:98])
    truth = loads.T @ loads * 1e-4 + np.eye(100) * 1e-4
    assert np.linalg.norm(ours.matrix - truth) < np.linalg.norm(np.cov(returns.T) - truth)


@pytest.mark.parametrize("method", ["sample", "ledoit_wolf", "qis", "rie", "denoised", "ewma", "ewma_qis"])
def test_unequal_histories_give_a_positive_definite_matrix_with_its_diagonal(method: str) -> None:
    gapped = with_gaps(factor_returns(70, 60))
    ours = estimate_covariance(gapped, periods_per_year=252, method=method, halflife_sessions=30)
    assert np.isfinite(ours.matrix).all()
    assert np.linalg.eigvalsh(ours.matrix)[0] >= 0.999 * eigenvalue_floor(ours.matrix)
    np.testing.assert_array_equal(ours.matrix, ours.matrix.T)
    if method == "sample":
        assert ours.is_repaired
        np.testing.assert_allclose(np.diag(ours.matrix), 252 * np.nanvar(gapped, axis=0, ddof=1), rtol=1e-9)


def test_a_pair_without_overlap_gets_the_mean_correlation_and_is_counted() -> None:
    returns = factor_returns(120, 6)
    returns[60:, 0] = np.nan
    returns[:50, 1] = np.nan
    ours = estimate_covariance(returns, periods_per_year=1, method="sample")
    assert (ours.n_unknown_pairs, ours.n_overlap_min) == (1, 10)
    reference = pd.DataFrame(returns).cov(min_periods=20).to_numpy()
    volatility = np.sqrt(np.diag(reference))
    correlations = (reference / np.outer(volatility, volatility))[np.triu_indices(6, 1)]
    expected = np.nanmean(correlations) * volatility[0] * volatility[1]
    assert ours.matrix[0, 1] == pytest.approx(expected, rel=1e-9)


def test_a_short_instrument_is_refused_by_name() -> None:
    returns = factor_returns(80, 3)
    returns[:65, 1] = np.nan
    with pytest.raises(ShortHistoryError, match=r"X:B \(15\)"):
        estimate_covariance(returns, periods_per_year=252, names=("X:A", "X:B", "X:C"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "oracle"}, "oracle"),
        ({"target": "zero"}, "zero"),
        ({"method": "ewma"}, "halflife"),
        ({"method": "ewma", "halflife_sessions": 0.0}, "halflife"),
        ({"min_overlap": 1}, "min_overlap"),
        ({"periods_per_year": 0}, "periods_per_year"),
    ],
)
def test_settings_that_cannot_be_right_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        estimate_covariance(factor_returns(40, 3), **{"periods_per_year": 252, **options})


@pytest.mark.parametrize("method", ["sample", "ledoit_wolf", "qis", "rie", "denoised", "ewma", "ewma_qis"])
def test_permuting_instruments_permutes_and_scaling_returns_scales(method: str) -> None:
    returns = with_gaps(factor_returns(150, 9))
    order = np.random.default_rng(4).permutation(9)
    options = {"periods_per_year": 252, "method": method, "halflife_sessions": 50}
    base = estimate_covariance(returns, **options).matrix
    np.testing.assert_allclose(
        estimate_covariance(returns[:, order], **options).matrix, base[np.ix_(order, order)], rtol=1e-8, atol=1e-12
    )
    np.testing.assert_allclose(estimate_covariance(3.0 * returns, **options).matrix, 9.0 * base, rtol=1e-8, atol=1e-12)
