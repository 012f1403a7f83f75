from __future__ import annotations

import numpy as np
import pytest

from analytics.errors import InputError
from analytics.evaluation.concentration import effective_bets, herfindahl


def test_hhi_of_equal_and_single_holdings() -> None:
    assert herfindahl(np.array([0.25, -0.25, 0.25, -0.25])) == pytest.approx(0.25, abs=1e-15)
    assert herfindahl(np.array([0.5])) == 1.0
    assert np.isnan(herfindahl(np.zeros(3)))


def test_uncorrelated_equal_risks_are_as_many_bets_as_names() -> None:
    # Columns of a Hadamard matrix are exactly uncorrelated and have mean 0; distinct scales fix the axes.
    one = np.array([[1.0, 1.0], [1.0, -1.0]])
    hadamard = np.kron(one, np.kron(one, one))[:, 1:5]
    scales = np.array([0.01, 0.02, 0.03, 0.04])
    weights = (1 / scales) / (1 / scales).sum()
    assert effective_bets(weights, hadamard * scales) == pytest.approx(4.0, abs=1e-9)


def test_one_risk_in_many_names_is_one_bet_and_the_sign_of_a_short_counts() -> None:
    rng = np.random.default_rng(0)
    market = rng.normal(0, 0.01, (500, 1))
    copies = np.repeat(market, 5, axis=1)
    assert effective_bets(np.full(5, 0.2), copies) == pytest.approx(1.0, abs=1e-9)
    pair = market + rng.normal(0, 0.001, (500, 2))
    spread = np.cov(pair, rowvar=False)
    variances, axes = np.linalg.eigh(spread)
    weights = np.array([0.5, -0.4])
    shares = (axes.T @ weights) ** 2 * variances / (weights @ spread @ weights)
    assert effective_bets(weights, pair) == pytest.approx(np.exp(-(shares * np.log(shares)).sum()), abs=1e-9)
    assert effective_bets(weights, pair) != pytest.approx(effective_bets(np.abs(weights), pair), abs=1e-3)


def test_missing_returns_are_the_mean_and_no_variance_is_nan() -> None:
    returns = np.random.default_rng(1).normal(0, 0.01, (100, 2))
    returns[:30, 1] = np.nan
    filled = returns.copy()
    filled[:30, 1] = np.nanmean(returns[:, 1])
    weights = np.array([0.5, 0.5])
    assert effective_bets(weights, returns) == pytest.approx(effective_bets(weights, filled), abs=1e-12)
    assert np.isnan(effective_bets(weights, np.zeros((10, 2))))
    with pytest.raises(InputError, match="2 weights"):
        effective_bets(weights, np.zeros((10, 3)))
